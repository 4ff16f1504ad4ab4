/* A light tower, with a button and a distance sensor. */
#include "kinds.h"
#include "pins.h"

#define LAMP_AGE 2000u /* ms */

static const hr_row rows[] HR_FLASH = {
    HR_DIGITAL_OUT("lamp_red", "red lamp, lit while nobody cares", PIN_LAMP_RED, 1, LAMP_AGE,
                   HR_CHANNEL_EFFECT_CONFIGURE),
    HR_DIGITAL_OUT("lamp_yellow", "yellow lamp", PIN_LAMP_YELLOW, 0, LAMP_AGE,
                   HR_CHANNEL_EFFECT_CONFIGURE),
    HR_DIGITAL_OUT("lamp_green", "green lamp", PIN_LAMP_GREEN, 0, LAMP_AGE,
                   HR_CHANNEL_EFFECT_CONFIGURE),
    HR_DIGITAL_IN("emergency_stop", "1: closed, 0: pressed or cut", PIN_STOP,
                  HR_PULL_UP | HR_INVERT),
    HR_ANALOG_IN("distance", "to what stands before the sensor", PIN_DISTANCE, ANALOG_FULL, "m",
                 HR_SCALE(0, DISTANCE_MANTISSA, -8)),
};

#define ROWS (sizeof rows / sizeof rows[0])

static hr_output outputs[ROWS];

const hr_application hr_app = {
    .name = "tower",
    .version = 1,
    .rows = rows,
    .outputs = outputs,
    .count = ROWS,
    .stop_pin = PIN_STOP,
    .stop_level = 1, /* normally closed to ground, pulled up */
};
