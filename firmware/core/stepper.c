/* A stepper with acceleration, in integers: after n steps from rest, v = sqrt(2 a n). */
#include "kinds.h"

static uint16_t root(uint32_t square) {
  uint32_t found = 0;
  for (uint32_t bit = (uint32_t)1u << 30; bit != 0u; bit >>= 2) {
    if (square >= found + bit) {
      square -= found + bit;
      found = (found >> 1) + bit;
    } else {
      found >>= 1;
    }
  }
  return (uint16_t)found;
}

static void set_pace(hr_stepper *stepper) {
  uint16_t speed = root((uint32_t)2u * stepper->acceleration * stepper->ramp);
  if (speed > stepper->speed) {
    speed = stepper->speed; /* already after one step, where it accelerates much and goes slowly */
  }
  stepper->interval = (hr_port.counter_hz + speed - 1u) / speed; /* rounded: slower, never faster */
}

static void set_off(hr_stepper *stepper, uint32_t now) {
  stepper->direction = stepper->target > stepper->position ? 1 : -1;
  hr_port.pin_write(stepper->direction_pin, stepper->direction > 0);
  stepper->ramp = 1;
  stepper->last = now;
  set_pace(stepper);
}

/* Tell whether it may go faster with one more step of its ramp. */
static bool may_hurry(const hr_stepper *stepper) {
  return (uint32_t)2u * stepper->acceleration * (stepper->ramp + 1u) <= (uint32_t)stepper->speed * stepper->speed;
}

/* Steps that lie ahead; below 0: it has gone past, or the other way. */
static int32_t ahead(const hr_stepper *stepper) {
  const int32_t left = stepper->target - stepper->position;
  return stepper->direction > 0 ? left : -left;
}

static void choose_pace(hr_stepper *stepper) {
  const int32_t left = ahead(stepper);
  if (left < (int32_t)stepper->ramp) {
    stepper->ramp--;
  } else if (left > (int32_t)stepper->ramp && may_hurry(stepper)) {
    stepper->ramp++;
  } else {
    /* at full speed, or about to slow down */
  }
  if (stepper->ramp > 0u) {
    set_pace(stepper);
  }
}

static void step(hr_stepper *stepper, uint32_t now) {
  stepper->last = now; /* a loop that was late makes it slower, never faster */
  hr_port.pin_write(stepper->step_pin, true);
  stepper->high = 1;
  stepper->position += stepper->direction;
  choose_pace(stepper);
}

static void HR_SELDOM move_on(hr_stepper *stepper, uint32_t now) {
  if (stepper->high != 0u) {
    hr_port.pin_write(stepper->step_pin, false);
    stepper->high = 0;
  }
  if (stepper->ramp == 0u) {
    if (stepper->target != stepper->position) {
      set_off(stepper, now);
    }
  } else if (now - stepper->last >= stepper->interval) {
    step(stepper, now);
  } else {
    /* the next step is not due */
  }
}

static void turn_stepper(hr_turned *me, uint32_t now) {
  hr_stepper *stepper = (hr_stepper *)me;
  const bool stands = stepper->ramp == 0u && stepper->target == stepper->position && stepper->high == 0u;
  if (!stands) {
    move_on(stepper, now);
  }
}

void hr_stepper_start(const hr_wiring *me, const hr_channel *info) {
  hr_stepper *stepper = me->state;
  hr_output_start(me->pin, false);
  hr_output_start(me->second, false);
  *stepper = (hr_stepper){.turned.turn = turn_stepper,
                          .speed = info->speed,
                          .acceleration = info->acceleration,
                          .step_pin = me->pin,
                          .direction_pin = me->second};
  if (info->speed == 0u || info->acceleration == 0u) {
    return; /* a row made by hand: it never steps */
  }
  hr_turn_always(&stepper->turned);
}

bool hr_stepper_read(const hr_wiring *me, int32_t *value) {
  *value = ((const hr_stepper *)me->state)->position;
  return true;
}

void hr_stepper_write(const hr_wiring *me, int32_t value) {
  ((hr_stepper *)me->state)->target = value;
}

void hr_stepper_slow_down(const hr_wiring *me) {
  hr_stepper *stepper = me->state;
  const int32_t way = (int32_t)stepper->ramp;
  stepper->target = stepper->position + (stepper->direction > 0 ? way : -way);
}
