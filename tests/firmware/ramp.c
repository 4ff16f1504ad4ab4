/* A stepper on an 8-bit board: prints its most steps of a ramp, and the ticks after each of the first few. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

#include "kinds.h"

#define STEPS 8u
#define SPEED 60000u

static hr_turned *stepping;

static void pin_mode(uint8_t pin, hr_pin_mode mode) {
  (void)pin;
  (void)mode;
}

static void pin_write(uint8_t pin, bool high) {
  (void)pin;
  (void)high;
}

const hr_hal hr_port = {.counter_hz = 2000000u, .pin_mode = pin_mode, .pin_write = pin_write};

void hr_turn_always(hr_turned *me) {
  stepping = me;
}

static void say(uint32_t number) {
  char digits[10];
  uint8_t count = 0;
  do {
    digits[count++] = (char)('0' + number % 10u);
    number /= 10u;
  } while (number != 0u);
  while (count > 0u) {
    UDR0 = (uint8_t)digits[--count];
  }
  UDR0 = '\n';
}

int main(void) {
  static hr_stepper stepper;
  static const hr_wiring wiring = {.state = &stepper};
  static const hr_channel info = {.speed = SPEED, .acceleration = ACCELERATION};
  uint32_t now = 0;
  UCSR0B = 1u << TXEN0;
  hr_stepper_start(&wiring, &info);
  say(stepper.ramp_most);
  hr_stepper_write(&wiring, 30000);
  stepping->turn(stepping, now);
  for (uint8_t n = 0; n < STEPS; n++) {
    say(stepper.interval);
    now += stepper.interval;
    stepping->turn(stepping, now);
  }
  cli();
  sleep_mode(); /* ends the simulator */
}
