/* Digital, analog, pulses, counts, I2C. */
#include "kinds.h"

#define SERVO_PERIOD 20000u /* us */
#define PWM_PERIOD 1000u    /* us, and thousandths */

void hr_digital_in_start(const hr_wiring *me, const hr_channel *info) {
  (void)info;
  hr_port.pin_mode(me->pin, (me->flags & HR_PULL_UP) != 0u ? HR_PIN_PULLED_UP : HR_PIN_INPUT);
}

bool hr_digital_in_read(const hr_wiring *me, int32_t *value) {
  const bool inverted = (me->flags & HR_INVERT) != 0u;
  *value = hr_port.pin_read(me->pin) != inverted ? 1 : 0;
  return true;
}

void hr_output_start(uint8_t pin, bool high) {
  hr_port.pin_write(pin, high);
  hr_port.pin_mode(pin, HR_PIN_OUTPUT);
}

void hr_digital_out_start(const hr_wiring *me, const hr_channel *info) {
  hr_output_start(me->pin, info->safe != 0);
}

void hr_pulse_start(const hr_wiring *me, const hr_channel *info) {
  (void)info;
  hr_output_start(me->pin, false); /* the level between pulses, and where there are none */
}

void hr_digital_out_write(const hr_wiring *me, int32_t value) {
  hr_port.pin_write(me->pin, value != 0);
}

void hr_analog_in_start(const hr_wiring *me, const hr_channel *info) {
  (void)info;
  hr_port.pin_mode(me->pin, HR_PIN_ANALOG);
}

bool hr_analog_in_read(const hr_wiring *me, int32_t *value) {
  *value = hr_port.analog_read(me->pin);
  return *value >= 0;
}

void hr_pwm_write(const hr_wiring *me, int32_t value) {
  hr_port.pulse(me->pin, (uint16_t)value, PWM_PERIOD);
}

void hr_servo_write(const hr_wiring *me, int32_t value) {
  hr_port.pulse(me->pin, (uint16_t)value, SERVO_PERIOD);
}

/* --- counts: looked at in the main loop, so that edges may come half as often as it turns ------- */

static uint8_t levels_of(const hr_count *count) {
  return (uint8_t)((hr_port.pin_read(count->pin) ? 1u : 0u) |
                   (hr_port.pin_read(count->second) ? 2u : 0u));
}

static void turn_quadrature(hr_turned *me, uint32_t now) {
  /* By old and new levels of B and A; forwards is 00, 01, 11, 10. */
  static const int8_t turn[16] HR_FLASH = {0, 1, -1, 2, -1, 0, 2, 1, 1, 2, 0, -1, 2, -1, 1, 0};
  hr_count *count = (hr_count *)me;
  const uint8_t levels = levels_of(count);
  (void)now;
  if (levels == count->levels) {
    return;
  }
  const int8_t by = (int8_t)hr_flash_octet(&turn[(uint8_t)(count->levels << 2 | levels)]);
  count->levels = levels;
  if (by != 2) { /* both changed at once: it was too fast */
    count->count = (int32_t)((uint32_t)count->count + (uint32_t)(int32_t)by);
  }
}

static void turn_counter(hr_turned *me, uint32_t now) {
  hr_count *count = (hr_count *)me;
  const uint8_t level = hr_port.pin_read(count->pin) ? 1u : 0u;
  (void)now;
  if (level > count->levels && count->count < INT32_MAX) {
    count->count++;
  }
  count->levels = level;
}

void hr_quadrature_start(const hr_wiring *me, const hr_channel *info) {
  hr_count *count = me->state;
  (void)info;
  *count = (hr_count){.turned.turn = turn_quadrature, .pin = me->pin, .second = me->second};
  hr_port.pin_mode(me->pin, HR_PIN_PULLED_UP);
  hr_port.pin_mode(me->second, HR_PIN_PULLED_UP);
  count->levels = levels_of(count);
  hr_turn_always(&count->turned);
}

void hr_counter_start(const hr_wiring *me, const hr_channel *info) {
  hr_count *count = me->state;
  (void)info;
  *count = (hr_count){.turned.turn = turn_counter, .pin = me->pin};
  hr_port.pin_mode(me->pin, HR_PIN_PULLED_UP);
  count->levels = hr_port.pin_read(me->pin) ? 1u : 0u;
  hr_turn_always(&count->turned);
}

bool hr_count_read(const hr_wiring *me, int32_t *value) {
  *value = ((const hr_count *)me->state)->count;
  return true;
}

bool hr_i2c_sensor_read(const hr_wiring *me, int32_t *value) {
  uint8_t octets[2];
  if (!hr_port.i2c(me->second, &me->flags, 1, octets, sizeof octets)) {
    return false;
  }
  *value = (int16_t)(uint16_t)((uint16_t)octets[0] << 8 | octets[1]);
  return true;
}
