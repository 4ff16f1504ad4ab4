/* The desk: a light tower, an emergency stop, a distance sensor, a pusher, and one of every other kind. */
#include "kinds.h"
#include "pins.h"

#define LAMP_AGE 2000u /* ms */
#define MOVE_AGE 300u

static hr_stepper turntable;
static hr_count wheel;
static hr_count pieces;

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
    HR_SERVO("pusher", "the pusher's horn", PIN_PUSHER, 1000, 2000, 1000, MOVE_AGE, "rad",
             HR_SCALE(-1500, 1570796, -9)),
    HR_PWM("buzzer", "how loud", PIN_BUZZER, 0, MOVE_AGE, HR_CHANNEL_EFFECT_CONFIGURE),
    HR_STEPPER("turntable", "3200 steps a turn", PIN_STEP, PIN_DIRECTION, &turntable, -32000, 32000,
               1600, 3200, MOVE_AGE, "rad", HR_SCALE(0, 1963495, -9)),
    HR_QUADRATURE("wheel", "400 counts a turn", PIN_WHEEL_A, PIN_WHEEL_B, &wheel, "rad",
                  HR_SCALE(0, 15707963, -9)),
    HR_COUNTER("pieces", "past the light barrier", PIN_PIECES, &pieces),
    HR_I2C_SENSOR("temperature", "of the plate", 0x48, 0x00, -14080, 32767, "Cel",
                  HR_SCALE(0, 390625, -8)),
};

#define ROWS (sizeof rows / sizeof rows[0])
_Static_assert(ROWS <= 32u, "a board has 32 channels at most");

static hr_output outputs[ROWS];

const hr_application hr_app = {
    .name = "desk",
    .version = 1,
    .rows = rows,
    .outputs = outputs,
    .count = ROWS,
    .stop_pin = PIN_STOP,
    .stop_level = 1, /* normally closed to ground, pulled up */
};
