/* The main loop: octets into frames, frames to those who answer them. */
#include "state.h"

#define OCTETS_A_TURN 16u
#define RECEIVED (HR_LONGEST_FROM_HOST + 2u) /* number and fields, CRC */
#define HELLO_EVERY 500u /* ms, until greeted */

hr_state hr_now;

static uint8_t received[RECEIVED];
static hr_incoming incoming = {.octets = received, .room = RECEIVED};
static uint16_t description;
static uint32_t last_turn;
static uint32_t next_hello;

void hr_event_out(uint8_t kind, uint8_t channel, int32_t value, uint32_t now) {
  const hr_event event = {.kind = kind, .channel = channel, .value = value, .time = now};
  (void)hr_send(HR_EVENT, &event, sizeof event);
}

static void describe(uint8_t channel, hr_channel *info) {
  hr_flash_copy(info, &hr_app.rows[channel].info, sizeof *info);
  info->channel = channel;
}

static void say_hello(void) {
  hr_hello hello = {
      .major = HR_SPEAKS_MAJOR,
      .minor = HR_SPEAKS_MINOR,
      .features = HR_FEATURES,
      .session = hr_now.session,
      .channels = hr_app.count,
      .reset_cause = hr_port.reset_cause(),
      .description = description,
      .version = hr_app.version,
      .counter_hz = hr_port.counter_hz,
  };
  memcpy(hello.application, hr_app.name, sizeof hello.application);
  memcpy(hello.board, hr_port.name, sizeof hello.board);
  (void)hr_send(HR_HELLO, &hello, sizeof hello);
}

static void on_greet(const hr_greet *greet) {
  hr_session_begin(greet->major == HR_SPEAKS_MAJOR ? greet->session : 0u);
  say_hello();
}

static void on_ask_channel(const hr_ask_channel *ask) {
  hr_channel info;
  if (ask->channel >= hr_app.count) {
    const hr_ack ack = {.result = HR_ACK_RESULT_UNKNOWN_CHANNEL, .channel = ask->channel};
    (void)hr_send(HR_ACK, &ack, sizeof ack);
    return;
  }
  describe(ask->channel, &info);
  (void)hr_send(HR_CHANNEL, &info, sizeof info);
}

static void on_ask_value(const hr_ask_value *ask) {
  hr_wiring wiring;
  hr_value answer = {.token = ask->token, .channel = ask->channel};
  int32_t value = 0;
  if (ask->channel >= hr_app.count) {
    answer.result = HR_ACK_RESULT_UNKNOWN_CHANNEL;
  } else {
    hr_flash_copy(&wiring, &hr_app.rows[ask->channel].wiring, sizeof wiring);
    if (wiring.read == 0) {
      answer.result = HR_ACK_RESULT_WRONG_DIRECTION;
    } else {
      answer.result = wiring.read(&wiring, &value) ? HR_ACK_RESULT_DONE : HR_ACK_RESULT_FAULT;
    }
  }
  answer.value = value;
  answer.time = hr_port.now();
  (void)hr_send(HR_VALUE, &answer, sizeof answer);
}

static void on_ask_clock(const hr_ask_clock *ask, uint32_t now) {
  hr_clock clock = {.token = ask->token, .received = now};
  clock.sent = hr_port.now();
  (void)hr_send(HR_CLOCK, &clock, sizeof clock);
}

static void on_stop(const hr_stop *stop) {
  hr_all_safe();
  hr_now.armed = false;
  const hr_ack ack = {
      .sequence = stop->token, .result = HR_ACK_RESULT_DONE, .channel = 0xFFu, .time = hr_port.now()};
  (void)hr_send(HR_ACK, &ack, sizeof ack);
}

static void on_ask_status(const hr_ask_status *ask) {
  hr_status status = hr_now.counts;
  status.token = ask->token;
  status.state = (uint8_t)((hr_now.armed ? HR_BOARD_STATE_ARMED : 0u) |
                           (hr_now.stopped ? HR_BOARD_STATE_EMERGENCY_STOP : 0u) |
                           (hr_now.session != 0u ? HR_BOARD_STATE_SESSION : 0u));
  status.reset_cause = hr_port.reset_cause();
  status.overruns = hr_port.overruns();
  status.time = hr_port.now();
  (void)hr_send(HR_STATUS, &status, sizeof status);
}

static void unknown(uint8_t number) {
  const hr_ack ack = {
      .result = HR_ACK_RESULT_UNKNOWN_MESSAGE, .value = number, .time = hr_port.now()};
  (void)hr_send(HR_ACK, &ack, sizeof ack);
}

/* Fields have the length of their message exactly: one more thing that a broken frame has to pass. */
#define CASE(number, type, call)            \
  case number:                              \
    if (size != sizeof(type) + 1u) {        \
      hr_now.counts.bad_frame++;            \
      return;                               \
    }                                       \
    call;                                   \
    break

void hr_take(uint8_t *payload, uint8_t size) {
  const void *fields = &payload[1];
  hr_now.counts.frames++;
  switch (payload[0]) {
    CASE(HR_GREET, hr_greet, on_greet(fields));
    CASE(HR_ASK_CHANNEL, hr_ask_channel, on_ask_channel(fields));
    CASE(HR_COMMAND, hr_command, hr_on_command(payload));
    CASE(HR_ASK_VALUE, hr_ask_value, on_ask_value(fields));
    CASE(HR_SET_STREAM, hr_set_stream, hr_on_set_stream(payload));
    CASE(HR_ASK_CLOCK, hr_ask_clock, on_ask_clock(fields, hr_port.now()));
    CASE(HR_ARM, hr_arm, hr_on_arm(payload));
    CASE(HR_STOP, hr_stop, on_stop(fields));
    CASE(HR_ASK_STATUS, hr_ask_status, on_ask_status(fields));
    default:
      unknown(payload[0]);
      break;
  }
}

static void frame_ends(void) {
  const int16_t size = hr_incoming_end(&incoming);
  if (size > 0) {
    (void)hr_streams_sample(); /* an answer takes as long as many a period */
    hr_take(received, (uint8_t)size);
  } else if (size == -2) {
    hr_now.counts.bad_crc++;
  } else if (size == -1) {
    hr_now.counts.bad_frame++;
  } else {
    /* zeros between frames */
  }
}

void hr_octet(uint8_t octet) {
  if (octet == 0u) {
    frame_ends();
  } else {
    hr_incoming_take(&incoming, octet);
  }
}

void hr_start(void) {
  hr_channel info;
  memset(&hr_now, 0, sizeof hr_now);
  hr_line_start();
  hr_incoming_begin(&incoming);
  description = 0xFFFFu;
  for (uint8_t n = 0; n < hr_app.count; n++) {
    describe(n, &info);
    description = hr_frame_crc(description, (const uint8_t *)&info, sizeof info);
  }
  hr_streams_end();
  hr_outputs_start();
  last_turn = hr_port.now();
  next_hello = last_turn;
}

void hr_poll(void) {
  const uint32_t now = hr_port.now();
  if (now - last_turn > hr_now.counts.longest_poll) {
    hr_now.counts.longest_poll = now - last_turn;
  }
  last_turn = now;
  hr_outputs_poll(now);
  for (uint8_t n = 0; n < OCTETS_A_TURN; n++) {
    const int16_t octet = hr_port.receive();
    if (octet < 0) {
      break;
    }
    hr_octet((uint8_t)octet);
    hr_streams_poll();
  }
  hr_streams_poll();
  if (hr_now.session == 0u && (int32_t)(now - next_hello) >= 0) {
    say_hello();
    next_hello = now + HELLO_EVERY * HR_TICKS_A_MS;
  }
  hr_port.watchdog();
}

bool hr_may_rest(void) {
  return hr_outputs_may_rest() && hr_streams_may_rest();
}
