/* What is wired where on an STM32F405: 16 * port + bit, so that PA0 is 0 and PB0 is 16. */
#ifndef HANDRAIL_PINS_H
#define HANDRAIL_PINS_H

#define HR_SERVO_ON(PIN) ((PIN) == 20u || (PIN) == 21u) /* PB4 and PB5, whose pulses timer 3 makes */
#define HR_PWM_ON(PIN) ((PIN) == 22u || (PIN) == 23u)   /* PB6 and PB7, timer 4 */

#define PIN_LAMP_RED 32u     /* PC0 */
#define PIN_LAMP_YELLOW 33u  /* PC1 */
#define PIN_LAMP_GREEN 34u   /* PC2 */
#define PIN_STOP 35u         /* PC3 */
#define PIN_DISTANCE 1u      /* PA1, channel 1 of the converter */
#define PIN_PUSHER 20u       /* PB4, timer 3 */
#define PIN_POSITION 1u      /* PA1 */
#define PIN_BUZZER 22u       /* PB6, timer 4 */
#define PIN_STEP 36u         /* PC4 */
#define PIN_DIRECTION 37u    /* PC5 */
#define PIN_WHEEL_A 4u       /* PA4 */
#define PIN_WHEEL_B 5u       /* PA5 */
#define PIN_PIECES 6u        /* PA6 */
#define ANALOG_FULL 4095
#define DISTANCE_MANTISSA 12210 /* 0.5 m at full */
#define POSITION_MANTISSA 7814 /* 32 mm at full */

#endif
