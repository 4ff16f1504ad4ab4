/* What the desk's applications share: the light tower, the button, and how a table becomes one. */
#ifndef HANDRAIL_PARTS_H
#define HANDRAIL_PARTS_H

#include "kinds.h"
#include "pins.h"

#define LAMP_AGE 2000u /* ms */
#define MOVE_AGE 300u  /* ms */

#define LAMPS                                                                             \
  HR_DIGITAL_OUT("lamp_red", "red lamp, lit while nobody cares", PIN_LAMP_RED, 1, LAMP_AGE, \
                 HR_CHANNEL_EFFECT_CONFIGURE),                                            \
  HR_DIGITAL_OUT("lamp_yellow", "yellow lamp", PIN_LAMP_YELLOW, 0, LAMP_AGE,              \
                 HR_CHANNEL_EFFECT_CONFIGURE),                                            \
  HR_DIGITAL_OUT("lamp_green", "green lamp", PIN_LAMP_GREEN, 0, LAMP_AGE,                 \
                 HR_CHANNEL_EFFECT_CONFIGURE)

#define EMERGENCY_STOP \
  HR_DIGITAL_IN("emergency_stop", "1: closed, 0: pressed or cut", PIN_STOP, HR_PULL_UP | HR_INVERT)

#define DISTANCE_SENSOR                                                                   \
  HR_ANALOG_IN("distance", "to what stands before the sensor", PIN_DISTANCE, ANALOG_FULL, "m", \
               HR_SCALE(0, DISTANCE_MANTISSA, -8))

/* The application whose channels are `rows`; its stop is normally closed to ground, pulled up. */
#define APPLICATION(NAME)                                                                 \
  enum { ROWS = sizeof rows / sizeof rows[0] };                                           \
  _Static_assert(ROWS <= 32, "a board has 32 channels at most");                          \
  static hr_output outputs[ROWS];                                                         \
  const hr_application hr_app = {                                                         \
      .name = NAME,                                                                       \
      .version = 1,                                                                       \
      .rows = rows,                                                                       \
      .outputs = outputs,                                                                 \
      .count = ROWS,                                                                      \
      .stop_pin = PIN_STOP,                                                               \
      .stop_level = 1,                                                                    \
  }

#endif
