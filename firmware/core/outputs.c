/* Outputs: commands, limits, the dead-man and the emergency stop. */
#include "state.h"

#define CALM 50u /* ms that the emergency stop has to be closed to count as released */

static hr_ack last; /* of the newest command of this session; its result is 0 before the first */
static hr_turned *turned; /* the first that wants every turn */
static uint8_t live;      /* outputs that may be off their safe values */
static uint32_t first_due; /* not after the first of them is too old */
static uint32_t calm_since;

static void wired(uint8_t channel, hr_wiring *wiring) {
  hr_flash_copy(wiring, &hr_app.rows[channel].wiring, sizeof *wiring);
}

static void informed(uint8_t channel, hr_channel *info) {
  hr_flash_copy(info, &hr_app.rows[channel].info, sizeof *info);
}

static void make_safe(uint8_t channel) {
  hr_wiring wiring;
  wired(channel, &wiring);
  if (wiring.write == 0) {
    return;
  }
  if (wiring.make_safe != 0) {
    wiring.make_safe(&wiring);
  } else {
    int32_t safe; /* of the description this alone: a whole one takes 50 us to read */
    hr_flash_copy(&safe, &hr_app.rows[channel].info.safe, sizeof safe);
    wiring.write(&wiring, safe);
  }
  live = (uint8_t)(live - hr_app.outputs[channel].live);
  hr_app.outputs[channel].live = 0;
}

void hr_all_safe(void) {
  for (uint8_t n = 0; n < hr_app.count; n++) {
    make_safe(n);
  }
}

void hr_turn_always(hr_turned *me) {
  me->next = turned;
  turned = me;
}

void hr_outputs_start(void) {
  turned = 0;
  for (uint8_t n = 0; n < hr_app.count; n++) {
    hr_wiring wiring;
    hr_channel info;
    wired(n, &wiring);
    informed(n, &info);
    if (wiring.start != 0) {
      wiring.start(&wiring, &info);
    }
    make_safe(n);
  }
  if (hr_app.stop_pin != HR_NO_PIN) {
    hr_port.pin_mode(hr_app.stop_pin, HR_PIN_PULLED_UP);
  }
}

void hr_session_begin(uint16_t session) {
  hr_all_safe();
  hr_streams_end();
  hr_now.session = session;
  hr_now.armed = false;
  last.result = 0;
}

/* --- the emergency stop and the dead-man ------------------------------------------------------ */

static void look_at_stop(uint32_t now) {
  const bool open = hr_port.pin_read(hr_app.stop_pin) == (hr_app.stop_level != 0u);
  if (!open && !hr_now.stopped) {
    return;
  }
  if (open) {
    calm_since = now;
  }
  if (open && !hr_now.stopped) {
    hr_now.stopped = true;
    hr_now.armed = false;
    hr_all_safe();
    hr_now.counts.emergency_stops++;
    hr_event_out(HR_EVENT_KIND_EMERGENCY_STOP, 0xFFu, 0, now);
  } else if (now - calm_since > CALM * HR_TICKS_A_MS) {
    hr_now.stopped = false;
    hr_event_out(HR_EVENT_KIND_EMERGENCY_STOP_RELEASED, 0xFFu, 0, now);
  } else {
    /* still open, or not long enough closed */
  }
}

/* When an output goes to its safe value, unless it is commanded again. */
static uint32_t due_of(uint8_t channel) {
  uint16_t max_age;
  hr_flash_copy(&max_age, &hr_app.rows[channel].info.max_age, sizeof max_age);
  return hr_app.outputs[channel].commanded + (uint32_t)max_age * HR_TICKS_A_MS;
}

/* What moves wants to be armed anew; what only shines does not keep it from being moved. */
static void disarm_for(uint8_t channel) {
  uint8_t effect;
  hr_flash_copy(&effect, &hr_app.rows[channel].info.effect, sizeof effect);
  if (effect == HR_CHANNEL_EFFECT_MOVE) {
    hr_now.armed = false;
  }
}

static void look_at_ages(uint32_t now) {
  first_due = now + (UINT32_MAX >> 1);
  for (uint8_t n = 0; n < hr_app.count; n++) {
    if (hr_app.outputs[n].live == 0u) {
      continue;
    }
    const uint32_t due = due_of(n);
    if ((int32_t)(now - due) >= 0) {
      make_safe(n);
      disarm_for(n);
      hr_now.counts.dead_man++;
      hr_event_out(HR_EVENT_KIND_DEAD_MAN, n, 0, now);
    } else if ((int32_t)(due - first_due) < 0) {
      first_due = due;
    } else {
      /* another one is due before it */
    }
  }
}

static void keep_live(uint8_t channel) {
  hr_output *output = &hr_app.outputs[channel];
  output->commanded = hr_port.now();
  const uint32_t due = due_of(channel);
  if (live == 0u || (int32_t)(due - first_due) < 0) {
    first_due = due;
  }
  live = (uint8_t)(live + 1u - output->live);
  output->live = 1;
}

void hr_outputs_poll(uint32_t now) {
  if (hr_app.stop_pin != HR_NO_PIN) {
    look_at_stop(now);
  }
  if (live != 0u && (int32_t)(now - first_due) >= 0) {
    look_at_ages(now);
  }
  for (hr_turned *one = turned; one != 0; one = one->next) {
    one->turn(one, now);
    hr_streams_poll(); /* a sample is due more often than the loop turns */
  }
}

bool hr_outputs_may_rest(void) {
  return turned == 0;
}

/* --- commands --------------------------------------------------------------------------------- */

/* Tell whether the guard at a message's end is that of this session. */
static bool guarded(const uint8_t *payload, uint8_t size) {
  const uint16_t crc = (uint16_t)~hr_guard_crc(hr_now.session, payload, (uint8_t)(size - 2u));
  const bool right = payload[size - 2u] == (uint8_t)(crc & 0xFFu) &&
                     payload[size - 1u] == (uint8_t)(crc >> 8);
  if (!right) {
    hr_now.counts.bad_guard++;
  }
  return right;
}

static void acknowledge(uint16_t sequence, uint8_t channel, uint8_t result, int32_t value) {
  const hr_ack ack = {.sequence = sequence,
                      .result = result,
                      .channel = channel,
                      .value = value,
                      .time = hr_port.now()};
  if (result != HR_ACK_RESULT_DONE) {
    hr_now.counts.refused++;
  }
  (void)hr_send(HR_ACK, &ack, sizeof ack);
  if (result != HR_ACK_RESULT_STALE && result != HR_ACK_RESULT_NO_SESSION) {
    last = ack;
  }
}

/* Tell whether a message is to be carried out: its session, its guard and its number are in order.
 * What is not carried out is answered here, but for what comes with a wrong guard: that is nobody's. */
static bool admitted(const uint8_t *payload, uint8_t size) {
  uint16_t sequence;
  memcpy(&sequence, &payload[1], sizeof sequence);
  if (hr_now.session == 0u) {
    acknowledge(sequence, 0xFFu, HR_ACK_RESULT_NO_SESSION, 0);
    return false;
  }
  if (!guarded(payload, size)) {
    return false;
  }
  const bool have_last = last.result != 0u;
  if (have_last && sequence == last.sequence) {
    hr_now.counts.repeated++;
    (void)hr_send(HR_ACK, &last, sizeof last);
    return false;
  }
  if (have_last && (int16_t)(uint16_t)(sequence - last.sequence) < 0) {
    acknowledge(sequence, 0xFFu, HR_ACK_RESULT_STALE, last.sequence);
    return false;
  }
  return true;
}

/* Of the description only what is needed is read: a whole one takes as long as five octets of the line. */
static uint8_t refusal(const hr_command *order, int32_t *value) {
  const hr_channel *info = &hr_app.rows[order->channel].info;
  int32_t low;
  int32_t high;
  uint8_t effect;
  hr_flash_copy(&low, &info->low, sizeof low);
  hr_flash_copy(&high, &info->high, sizeof high);
  hr_flash_copy(&effect, &info->effect, sizeof effect);
  if (order->value < low || order->value > high) {
    *value = order->value < low ? low : high;
    return HR_ACK_RESULT_OUT_OF_RANGE;
  }
  if (effect != HR_CHANNEL_EFFECT_MOVE) {
    return HR_ACK_RESULT_DONE; /* a lamp may say why it stands */
  }
  if (hr_now.stopped) {
    return HR_ACK_RESULT_EMERGENCY_STOP;
  }
  return hr_now.armed ? HR_ACK_RESULT_DONE : HR_ACK_RESULT_NOT_ARMED;
}

static uint8_t set_output(const hr_command *order, int32_t *value) {
  hr_wiring wiring;
  if (order->channel >= hr_app.count) {
    return HR_ACK_RESULT_UNKNOWN_CHANNEL;
  }
  wired(order->channel, &wiring);
  if (wiring.write == 0) {
    return HR_ACK_RESULT_WRONG_DIRECTION;
  }
  const uint8_t result = refusal(order, value);
  if (result == HR_ACK_RESULT_DONE) {
    wiring.write(&wiring, order->value);
    keep_live(order->channel);
  }
  return result;
}

void hr_on_command(const uint8_t *payload) {
  hr_command order;
  if (admitted(payload, sizeof order + 1u)) {
    memcpy(&order, &payload[1], sizeof order);
    int32_t value = order.value;
    const uint8_t result = set_output(&order, &value);
    acknowledge(order.sequence, order.channel, result, value);
  }
}

void hr_on_set_stream(const uint8_t *payload) {
  hr_set_stream order;
  hr_wiring wiring;
  hr_channel info;
  if (admitted(payload, sizeof order + 1u)) {
    memcpy(&order, &payload[1], sizeof order);
    uint8_t result = HR_ACK_RESULT_UNKNOWN_CHANNEL;
    if (order.channel < hr_app.count) {
      wired(order.channel, &wiring);
      informed(order.channel, &info);
      result = wiring.read == 0 ? (uint8_t)HR_ACK_RESULT_WRONG_DIRECTION
                                : hr_stream_set(&order, &info);
    }
    acknowledge(order.sequence, order.channel, result, (int32_t)order.period);
  }
}

void hr_on_arm(const uint8_t *payload) {
  hr_arm order;
  if (admitted(payload, sizeof order + 1u)) {
    memcpy(&order, &payload[1], sizeof order);
    hr_now.armed = !hr_now.stopped;
    acknowledge(order.sequence, 0xFFu,
                hr_now.armed ? HR_ACK_RESULT_DONE : HR_ACK_RESULT_EMERGENCY_STOP, 0);
  }
}
