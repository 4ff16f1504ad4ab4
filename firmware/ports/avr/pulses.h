/* Pulses of an ATmega328P: timer 1, which counts freely, makes those of servos on pins 9 and 10, timer 2 PWM on pins 3
 * and 11. */
#ifndef HANDRAIL_AVR_PULSES_H
#define HANDRAIL_AVR_PULSES_H

#include <stdint.h>

#define TICKS_A_US 2u /* of timer 1 */

/* Timer 2 runs from now on. */
void pulse_begin(void);

/* As `pulse` of hal.h. */
void pulse(uint8_t pin, uint16_t us, uint16_t period);

#endif
