/* Streams: channels sampled at the board's own times, sent a frame full at once. */
#include "state.h"

typedef struct {
  uint32_t period; /* ticks, 0: this stream is free */
  uint32_t due;
  uint32_t patience; /* ticks */
  hr_samples frame;
  uint8_t fill;  /* octets of its data */
  uint8_t width; /* octets of one sample */
} hr_stream;

/* What a stream leaves of the way out: on a full line, too, a question has its answer. */
#define KEPT (HR_LONGEST_FROM_BOARD + HR_FRAME_MORE)

#define FAST 5u /* ms: what is sampled more often is not left waiting for one */

static hr_stream streams[HR_STREAMS];
static hr_wiring wiring; /* of the channel that was sampled last: a fast stream is alone with it */
static uint8_t wired = 0xFFu;

void hr_streams_end(void) {
  memset(streams, 0, sizeof streams);
}

static hr_stream *stream_for(uint8_t channel) {
  hr_stream *spare = 0;
  for (uint8_t n = 0; n < HR_STREAMS; n++) {
    if (streams[n].period != 0u && streams[n].frame.channel == channel) {
      return &streams[n];
    }
    if (streams[n].period == 0u) {
      spare = &streams[n];
    }
  }
  return spare;
}

uint8_t hr_stream_set(const hr_set_stream *order, const hr_channel *info, uint32_t now) {
  const uint32_t ticks_a_ms = hr_now.ticks_a_ms;
  hr_stream *stream = stream_for(order->channel);
  if (order->period > 1000000u || (stream == 0 && order->period != 0u)) {
    return HR_ACK_RESULT_NO_ROOM;
  }
  if (stream != 0) {
    memset(stream, 0, sizeof *stream);
    stream->frame.channel = order->channel;
    stream->period = order->period / 1000u * ticks_a_ms + order->period % 1000u * ticks_a_ms / 1000u;
    stream->patience = order->patience * ticks_a_ms;
    stream->width = info->low >= -32768 && info->high <= 32767 ? 2u : 4u;
    stream->due = now + stream->period;
  }
  return HR_ACK_RESULT_DONE;
}

static void send(hr_stream *stream) {
  if (stream->fill > 0u) {
    const uint8_t size = (uint8_t)(sizeof stream->frame - sizeof stream->frame.data + stream->fill);
    if (hr_port.room() >= size + 1u + HR_FRAME_MORE + KEPT) {
      (void)hr_send(HR_SAMPLES, &stream->frame, size);
    } else {
      hr_now.counts.unsent++;
    }
    stream->frame.count++;
    stream->frame.late = 0;
    stream->fill = 0;
  }
}

/* Samples in one frame are a period apart: where one was missed, a new frame begins. */
static void miss(hr_stream *stream, uint32_t late) {
  const uint32_t missed = late / stream->period;
  send(stream);
  hr_now.counts.missed = (uint16_t)(hr_now.counts.missed + missed);
  stream->due += missed * stream->period;
}

static void take(hr_stream *stream, uint32_t late) {
  int32_t value = 0;
  if (wired != stream->frame.channel) {
    wired = stream->frame.channel;
    hr_flash_copy(&wiring, &hr_app.rows[wired].wiring, sizeof wiring);
  }
  if (!wiring.read(&wiring, &value)) {
    send(stream);
    hr_now.counts.missed++;
    return;
  }
  if (stream->fill == 0u) {
    stream->frame.time = stream->due;
  }
  if (late > stream->frame.late) {
    stream->frame.late = late > 0xFFFFu ? 0xFFFFu : (uint16_t)late;
  }
  memcpy(&stream->frame.data[stream->fill], &value, stream->width); /* little-endian */
  stream->fill = (uint8_t)(stream->fill + stream->width);
}

/* Take the sample that is due, and send what is full; tell whether something was sent. */
static bool look_at(hr_stream *stream, uint32_t now) {
  const uint32_t late = now - stream->due;
  if ((int32_t)late >= 0) {
    if (late >= stream->period) {
      miss(stream, late);
    }
    take(stream, now - stream->due);
    stream->due += stream->period;
  }
  const bool is_whole = stream->fill == sizeof stream->frame.data ||
                        (stream->fill > 0u && now - stream->frame.time >= stream->patience);
  if (is_whole) {
    send(stream);
  }
  return is_whole;
}

void hr_streams_poll(uint32_t now) {
  for (hr_stream *stream = streams; stream < &streams[HR_STREAMS]; stream++) {
    if (stream->period != 0u && look_at(stream, now)) {
      now = hr_port.now(); /* to close a frame takes longer than all else: the next sample may be due */
      (void)look_at(stream, now);
    }
  }
}

bool hr_streams_may_rest(void) {
  for (const hr_stream *stream = streams; stream < &streams[HR_STREAMS]; stream++) {
    if (stream->period != 0u && stream->period < FAST * hr_now.ticks_a_ms) {
      return false;
    }
  }
  return true;
}
