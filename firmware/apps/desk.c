/* The desk: a light tower, an emergency stop, a distance sensor, a pusher, and one of every other kind. */
#include "parts.h"

static hr_stepper turntable;
static hr_count wheel;
static hr_count pieces;

static const hr_row rows[] HR_FLASH = {
    LAMPS,
    EMERGENCY_STOP,
    DISTANCE_SENSOR,
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

APPLICATION("desk");
