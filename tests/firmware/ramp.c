/* A stepper on an 8-bit board: prints the ticks after each of the first few steps, then the fewest of many. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

#include "kinds.h"

#define STEPS 8u
#define MANY 300u

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
  uint32_t fewest = UINT32_MAX;
  UCSR0B = 1u << TXEN0;
  hr_stepper_start(&wiring, &info);
  hr_stepper_write(&wiring, 30000);
  stepping->turn(stepping, now);
  for (uint16_t n = 0; n < MANY; n++) {
    if (n < STEPS) {
      say(stepper.interval);
    }
    fewest = stepper.interval < fewest ? stepper.interval : fewest;
    now += stepper.interval;
    stepping->turn(stepping, now);
  }
  say(fewest);
  cli();
  sleep_mode(); /* ends the simulator */
}
