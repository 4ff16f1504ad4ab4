/* A pusher: a servo on a rack, with a potentiometer that says where the rack is. */
#include "kinds.h"
#include "pins.h"

#define MOVE_AGE 300u /* ms */

static const hr_row rows[] HR_FLASH = {
    HR_LIMP_SERVO("pusher", "where the rack is to go", PIN_PUSHER, 1000, 2000, MOVE_AGE, "m",
                  HR_SCALE(-1000, 25000, -9)),
    HR_ANALOG_IN("position", "where the rack is", PIN_POSITION, ANALOG_FULL, "m",
                 HR_SCALE(0, POSITION_MANTISSA, -9)),
    HR_DIGITAL_IN("emergency_stop", "1: closed, 0: pressed or cut", PIN_STOP,
                  HR_PULL_UP | HR_INVERT),
};

#define ROWS (sizeof rows / sizeof rows[0])

static hr_output outputs[ROWS];

const hr_application hr_app = {
    .name = "pusher",
    .version = 1,
    .rows = rows,
    .outputs = outputs,
    .count = ROWS,
    .stop_pin = PIN_STOP,
    .stop_level = 1, /* normally closed to ground, pulled up */
};
