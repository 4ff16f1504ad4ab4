/* Streams: channels sampled at the board's own times, sent a frame full at once. */
#include "state.h"

typedef struct {
  hr_wiring wiring;
  uint32_t period;   /* ticks */
  uint32_t due;      /* the next sample */
  hr_samples *frame; /* that is being filled; says which channel, and counts */
  uint8_t *at;       /* where the next sample stands */
  uint8_t width;     /* octets of one */
  uint8_t most;      /* octets of them that a frame has */
  uint8_t left;      /* of those; 0: it is closed, to be sent */
} hr_stream;

/* What a stream leaves of the way out: on a full line, too, a question has its answer. */
#define KEPT (HR_LONGEST_FROM_BOARD + HR_FRAME_MORE)

#define FEW 8u

#define FAST 5u /* ms: what is sampled more often is not left waiting for one */

static hr_samples frames[HR_STREAMS + 1u];
static hr_samples *spare; /* the one more: it is being sent, or free */
static hr_stream streams[HR_STREAMS];
static hr_stream *after; /* the last of them that is in use */
static struct {
  bool may_rest : 1;
  bool are_closed : 1; /* some frames, and wait to be sent */
  bool are_behind : 1; /* a frame leaves that was cut short by a sample that was missed */
} all;

static void find_rest(void) {
  all.may_rest = true;
  for (const hr_stream *stream = streams; stream < after; stream++) {
    all.may_rest = all.may_rest && stream->period >= FAST * HR_TICKS_A_MS;
  }
}

void hr_streams_end(void) {
  hr_send_the_rest();
  for (uint8_t n = 0; n < HR_STREAMS; n++) {
    streams[n].frame = &frames[n];
  }
  spare = &frames[HR_STREAMS];
  after = streams;
  all.are_closed = false;
  all.are_behind = false;
  find_rest();
}

static hr_stream *stream_of(uint8_t channel) {
  hr_stream *stream = streams;
  while (stream < after && stream->frame->channel != channel) {
    stream++;
  }
  return stream;
}

/* The last one takes its place, and it that one's frame. */
static void end_stream(hr_stream *stream) {
  hr_samples *const frame = stream->frame;
  after--;
  *stream = *after;
  after->frame = frame;
}

static void begin_frame(hr_stream *stream) {
  stream->frame->late = 0;
  stream->frame->time = stream->due;
  stream->at = stream->frame->data;
  stream->left = stream->most;
}

static void begin_stream(hr_stream *stream, const hr_set_stream *order, const hr_channel *info, uint32_t now) {
  const uint32_t ticks_a_ms = HR_TICKS_A_MS;
  stream->frame->channel = order->channel;
  stream->frame->count = 0;
  hr_flash_copy(&stream->wiring, &hr_app.rows[order->channel].wiring, sizeof stream->wiring);
  stream->period = order->period / 1000u * ticks_a_ms + order->period % 1000u * ticks_a_ms / 1000u;
  stream->due = now + stream->period;
  stream->width = info->low >= -32768 && info->high <= 32767 ? 2u : 4u;
  const uint32_t patient = 1u + order->patience * ticks_a_ms / stream->period; /* samples */
  const uint8_t room = (uint8_t)(sizeof stream->frame->data / stream->width);
  stream->most = (uint8_t)((patient < room ? patient : room) * stream->width);
  begin_frame(stream);
}

uint8_t hr_stream_set(const hr_set_stream *order, const hr_channel *info, uint32_t now) {
  hr_stream *stream = stream_of(order->channel);
  if (order->period > 1000000u || (order->period != 0u && stream == &streams[HR_STREAMS])) {
    return HR_ACK_RESULT_NO_ROOM;
  }
  if (order->period != 0u) {
    begin_stream(stream, order, info, now);
    after = stream == after ? after + 1 : after;
  } else if (stream < after) {
    end_stream(stream);
  } else {
    /* there was none */
  }
  find_rest();
  return HR_ACK_RESULT_DONE;
}

static void send(hr_stream *stream) {
  hr_samples *const frame = stream->frame;
  const uint8_t size = (uint8_t)(stream->at - (const uint8_t *)frame);
  if (hr_room() >= size + 1u + HR_FRAME_MORE + KEPT) {
    stream->frame = spare;
    stream->frame->channel = frame->channel;
    stream->frame->count = frame->count;
    spare = frame;
    hr_send_in_pieces(HR_SAMPLES, frame, size);
    all.are_behind = stream->at != &frame->data[stream->most];
  } else {
    hr_now.counts.unsent++;
  }
  stream->frame->count++;
  begin_frame(stream);
}

/* A division takes longer than many a period: where there are few, they are counted. */
static uint32_t HR_SELDOM periods_in(uint32_t ticks, uint32_t period) {
  uint32_t count = 0;
  while (ticks >= period && count < FEW) {
    ticks -= period;
    count++;
  }
  return count + (ticks < period ? 0u : ticks / period);
}

/* Samples of one frame are a period apart: where one is missing, a new one begins. */
static void HR_SELDOM miss(hr_stream *stream, uint32_t samples) {
  hr_now.counts.missed = (uint16_t)(hr_now.counts.missed + samples);
  stream->due += samples * stream->period;
  if (stream->at != stream->frame->data) {
    stream->left = 0;
    all.are_closed = true;
  } else {
    stream->frame->time = stream->due;
  }
}

static void put(hr_stream *stream, int32_t value) {
  uint8_t *const at = stream->at; /* little-endian */
  at[0] = (uint8_t)((uint32_t)value & 0xFFu);
  at[1] = (uint8_t)((uint32_t)value >> 8 & 0xFFu);
  if (stream->width == 4u) {
    at[2] = (uint8_t)((uint32_t)value >> 16 & 0xFFu);
    at[3] = (uint8_t)((uint32_t)value >> 24);
  }
  stream->at = at + stream->width;
  stream->left = (uint8_t)(stream->left - stream->width);
  if (stream->left == 0u) {
    all.are_closed = true;
  }
}

static inline void sample(hr_stream *stream, uint32_t late) {
  static int32_t value; /* not on the stack: this is done thousands of times a second */
  if (late >= stream->period) {
    const uint32_t missed = periods_in(late, stream->period);
    miss(stream, missed);
    late -= missed * stream->period;
  }
  if (stream->left == 0u) {
    return;
  }
  const bool gives_way = all.are_behind && hr_left != 0u; /* or ever smaller frames keep it behind */
  if (gives_way || !stream->wiring.read(&stream->wiring, &value)) {
    miss(stream, 1);
    return;
  }
  const uint16_t told = late > UINT16_MAX ? UINT16_MAX : (uint16_t)late;
  if (told > stream->frame->late) {
    stream->frame->late = told;
  }
  put(stream, value);
  stream->due += stream->period;
}

bool hr_streams_sample(void) {
  const hr_stream *const end = after;
  bool is_due = false;
  for (hr_stream *stream = streams; stream < end; stream++) {
    const uint32_t late = hr_port.now() - stream->due;
    if ((int32_t)late >= 0) {
      sample(stream, late);
      is_due = true;
    }
  }
  return is_due;
}

static void HR_SELDOM send_one(void) {
  for (hr_stream *stream = streams; stream < after; stream++) {
    if (stream->left == 0u) {
      send(stream);
      return;
    }
  }
  all.are_closed = false;
}

void hr_streams_poll(void) {
  if (after == streams) {
    return;
  }
  if (hr_left != 0u) {
    hr_send_a_piece();
  } else if (all.are_closed) {
    send_one();
  } else {
    all.are_behind = false;
  }
  (void)hr_streams_sample();
}

bool hr_streams_may_rest(void) {
  return all.may_rest && hr_left == 0u;
}
