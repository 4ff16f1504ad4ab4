/* The kinds of channel that the core serves, each as a row of an application's table.
 *
 * Ranges are in raw counts; what they mean is (raw + offset) * mantissa * 10^exponent in the unit.
 * Of an output: `safe` is where it goes at start, at a stop and where no command came for `age` ms. */
#ifndef HANDRAIL_KINDS_H
#define HANDRAIL_KINDS_H

#include "board.h"

#define HR_SCALE(OFFSET, MANTISSA, EXPONENT) \
  .offset = (OFFSET), .mantissa = (MANTISSA), .exponent = (EXPONENT)
#define HR_PLAIN HR_SCALE(0, 1, 0)

/* A number that does not compile where the condition does not hold. */
#define HR_SURE(NUMBER, CONDITION, SAYING) \
  ((NUMBER) + 0u * sizeof(struct { _Static_assert(CONDITION, SAYING); char one; }))
#define HR_TIMED(PIN, HAS_TIMER) HR_SURE(PIN, HAS_TIMER, "this pin has no timer for that: the port's pins.h")

#define HR_DIGITAL_IN(NAME, TEXT, PIN, FLAGS)                                             \
  {.info = {.kind = HR_CHANNEL_KIND_DIGITAL_IN, .effect = HR_CHANNEL_EFFECT_OBSERVE,      \
            .high = 1, HR_PLAIN, .name = NAME, .unit = "1", .text = TEXT},                \
   .wiring = {.start = hr_digital_in_start, .read = hr_digital_in_read, .pin = (PIN), .flags = (FLAGS)}}

#define HR_DIGITAL_OUT(NAME, TEXT, PIN, SAFE, AGE, EFFECT)                                \
  {.info = {.kind = HR_CHANNEL_KIND_DIGITAL_OUT, .effect = (EFFECT), .max_age = (AGE),    \
            .high = 1, .safe = (SAFE), HR_PLAIN, .name = NAME, .unit = "1", .text = TEXT},\
   .wiring = {.start = hr_digital_out_start, .write = hr_digital_out_write, .pin = (PIN)}}

#define HR_ANALOG_IN(NAME, TEXT, PIN, HIGH, UNIT, SCALE)                                  \
  {.info = {.kind = HR_CHANNEL_KIND_ANALOG_IN, .effect = HR_CHANNEL_EFFECT_OBSERVE,       \
            .high = (HIGH), SCALE, .name = NAME, .unit = UNIT, .text = TEXT},             \
   .wiring = {.start = hr_analog_in_start, .read = hr_analog_in_read, .pin = (PIN)}}

/* Raw is thousandths of full. The port's pins.h says which pins can do so. */
#define HR_PWM(NAME, TEXT, PIN, SAFE, AGE, EFFECT)                                        \
  {.info = {.kind = HR_CHANNEL_KIND_PWM, .effect = (EFFECT), .max_age = (AGE),            \
            .high = 1000, .safe = (SAFE), HR_SCALE(0, 1, -3), .name = NAME, .unit = "1", .text = TEXT}, \
   .wiring = {.start = hr_pulse_start, .write = hr_pwm_write, \
              .pin = HR_TIMED(PIN, HR_PWM_ON(PIN))}}

/* Raw is us of the pulse. The port's pins.h says which pins can do so. */
#define HR_SERVO(NAME, TEXT, PIN, LOW, HIGH, SAFE, AGE, UNIT, SCALE)                      \
  {.info = {.kind = HR_CHANNEL_KIND_SERVO, .effect = HR_CHANNEL_EFFECT_MOVE, .max_age = (AGE), \
            .low = (LOW), .high = (HIGH), .safe = (SAFE), SCALE, .name = NAME, .unit = UNIT, .text = TEXT}, \
   .wiring = {.start = hr_pulse_start, .write = hr_servo_write, \
              .pin = HR_TIMED(PIN, HR_SERVO_ON(PIN))}}

/* The same, but safe is: no pulses, which lies beyond its range. It stays where its friction holds it, and moves no
 * more. */
#define HR_LIMP_SERVO(NAME, TEXT, PIN, LOW, HIGH, AGE, UNIT, SCALE)                       \
  {.info = {.kind = HR_CHANNEL_KIND_SERVO, .effect = HR_CHANNEL_EFFECT_MOVE, .max_age = (AGE), \
            .low = HR_SURE(LOW, (LOW) > 0, "a servo's pulse has a length"), .high = (HIGH), .safe = 0, SCALE, .name = NAME, .unit = UNIT, .text = TEXT}, \
   .wiring = {.start = hr_pulse_start, .write = hr_servo_write, \
              .pin = HR_TIMED(PIN, HR_SERVO_ON(PIN))}}

/* Raw is steps; SPEED steps/s at most, ACCELERATION steps/s2. Safe is: slow down to a stop. */
#define HR_STEPPER(NAME, TEXT, STEP, DIRECTION, STATE, LOW, HIGH, SPEED, ACCELERATION, AGE, UNIT, SCALE) \
  {.info = {.kind = HR_CHANNEL_KIND_STEPPER, .effect = HR_CHANNEL_EFFECT_MOVE, .max_age = (AGE), \
            .low = (LOW), .high = (HIGH), .speed = HR_SURE(SPEED, (SPEED) > 0, "a stepper has a speed"), \
            .acceleration = HR_SURE(ACCELERATION, (ACCELERATION) > 0, "a stepper has an acceleration"), \
            SCALE, .name = NAME, .unit = UNIT, .text = TEXT},                             \
   .wiring = {.start = hr_stepper_start, .read = hr_stepper_read, .write = hr_stepper_write, \
              .make_safe = hr_stepper_slow_down, .state = (STATE), \
              .pin = (STEP), .second = (DIRECTION)}}

#define HR_QUADRATURE(NAME, TEXT, A, B, STATE, UNIT, SCALE)                               \
  {.info = {.kind = HR_CHANNEL_KIND_QUADRATURE, .effect = HR_CHANNEL_EFFECT_OBSERVE,      \
            .low = INT32_MIN, .high = INT32_MAX, SCALE, .name = NAME, .unit = UNIT, .text = TEXT}, \
   .wiring = {.start = hr_quadrature_start, .read = hr_count_read, .state = (STATE), \
              .pin = (A), .second = (B)}}

/* Counts rising edges. */
#define HR_COUNTER(NAME, TEXT, PIN, STATE)                                                \
  {.info = {.kind = HR_CHANNEL_KIND_COUNTER, .effect = HR_CHANNEL_EFFECT_OBSERVE,         \
            .low = 0, .high = INT32_MAX, HR_PLAIN, .name = NAME, .unit = "1", .text = TEXT}, \
   .wiring = {.start = hr_counter_start, .read = hr_count_read, .state = (STATE), .pin = (PIN)}}

/* Two octets of one register, the high one first, signed. */
#define HR_I2C_SENSOR(NAME, TEXT, ADDRESS, REGISTER, LOW, HIGH, UNIT, SCALE)              \
  {.info = {.kind = HR_CHANNEL_KIND_I2C_SENSOR, .effect = HR_CHANNEL_EFFECT_OBSERVE,      \
            .low = (LOW), .high = (HIGH), SCALE, .name = NAME, .unit = UNIT, .text = TEXT}, \
   .wiring = {.read = hr_i2c_sensor_read, .second = (ADDRESS), .flags = (REGISTER)}}

typedef struct {
  hr_turned turned;
  int32_t position; /* steps */
  int32_t target;
  uint32_t ramp;     /* steps that it needs to stand still */
  uint32_t interval; /* ticks to the next step */
  uint32_t last;     /* tick of the newest one */
  uint16_t speed; /* at most */
  uint16_t acceleration;
  int8_t direction;
  uint8_t high; /* the step's pulse is not over */
  uint8_t step_pin;
  uint8_t direction_pin;
} hr_stepper;

typedef struct {
  hr_turned turned;
  int32_t count;
  uint8_t levels;
  uint8_t pin;
  uint8_t second;
} hr_count;

void hr_digital_in_start(const hr_wiring *me, const hr_channel *info);
bool hr_digital_in_read(const hr_wiring *me, int32_t *value);
void hr_output_start(uint8_t pin, bool high); /* at that level from the first */
void hr_digital_out_start(const hr_wiring *me, const hr_channel *info);
void hr_digital_out_write(const hr_wiring *me, int32_t value);
void hr_analog_in_start(const hr_wiring *me, const hr_channel *info);
bool hr_analog_in_read(const hr_wiring *me, int32_t *value);
void hr_pwm_write(const hr_wiring *me, int32_t value);
void hr_pulse_start(const hr_wiring *me, const hr_channel *info);
void hr_servo_write(const hr_wiring *me, int32_t value);
void hr_stepper_start(const hr_wiring *me, const hr_channel *info);
bool hr_stepper_read(const hr_wiring *me, int32_t *value);
void hr_stepper_write(const hr_wiring *me, int32_t value);
void hr_stepper_slow_down(const hr_wiring *me);
void hr_quadrature_start(const hr_wiring *me, const hr_channel *info);
void hr_counter_start(const hr_wiring *me, const hr_channel *info);
bool hr_count_read(const hr_wiring *me, int32_t *value);
bool hr_i2c_sensor_read(const hr_wiring *me, int32_t *value);

#endif
