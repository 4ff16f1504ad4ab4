/* What is wired where, on a board that is a process. */
#ifndef HANDRAIL_PINS_H
#define HANDRAIL_PINS_H

#define HR_SERVO_ON(PIN) ((PIN) < 32u) /* all */
#define HR_PWM_ON(PIN) ((PIN) < 32u)

#define PIN_LAMP_RED 0u
#define PIN_LAMP_YELLOW 1u
#define PIN_LAMP_GREEN 2u
#define PIN_STOP 3u
#define PIN_DISTANCE 4u
#define PIN_PUSHER 5u
#define PIN_POSITION 4u
#define PIN_BUZZER 6u
#define PIN_STEP 7u
#define PIN_DIRECTION 8u
#define PIN_WHEEL_A 9u
#define PIN_WHEEL_B 10u
#define PIN_PIECES 11u
#define ANALOG_FULL 1023
#define DISTANCE_MANTISSA 48876 /* 0.5 m at full */
#define POSITION_MANTISSA 31281 /* 32 mm at full */

#endif
