/* What is wired where on an Uno or a Nano, by the numbers printed on the board; A0 is 14. */
#ifndef HANDRAIL_PINS_H
#define HANDRAIL_PINS_H

#define HR_SERVO_ON(PIN) ((PIN) == 9u || (PIN) == 10u) /* whose pulses timer 1 makes */
#define HR_PWM_ON(PIN) ((PIN) == 3u || (PIN) == 11u)   /* timer 2 */

#define PIN_LAMP_RED 4u
#define PIN_LAMP_YELLOW 5u
#define PIN_LAMP_GREEN 6u
#define PIN_STOP 2u
#define PIN_DISTANCE 14u
#define PIN_PUSHER 9u
#define PIN_POSITION 14u
#define PIN_BUZZER 3u
#define PIN_STEP 7u
#define PIN_DIRECTION 8u
#define PIN_WHEEL_A 15u
#define PIN_WHEEL_B 16u
#define PIN_PIECES 17u
#define ANALOG_FULL 1023
#define DISTANCE_MANTISSA 48876 /* 0.5 m at full */
#define POSITION_MANTISSA 31281 /* 32 mm at full */

#endif
