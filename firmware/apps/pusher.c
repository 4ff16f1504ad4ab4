/* A pusher: a servo on a rack, with a potentiometer that says where the rack is. */
#include "parts.h"

static const hr_row rows[] HR_FLASH = {
    HR_LIMP_SERVO("pusher", "where the rack is to go", PIN_PUSHER, 1000, 2000, MOVE_AGE, "m",
                  HR_SCALE(-1000, 25000, -9)),
    HR_ANALOG_IN("position", "where the rack is", PIN_POSITION, ANALOG_FULL, "m",
                 HR_SCALE(0, POSITION_MANTISSA, -9)),
    EMERGENCY_STOP,
};

APPLICATION("pusher");
