/* A light tower, with a button and a distance sensor. */
#include "parts.h"

static const hr_row rows[] HR_FLASH = {LAMPS, EMERGENCY_STOP, DISTANCE_SENSOR};

APPLICATION("tower");
