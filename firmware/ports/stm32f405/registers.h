/* The registers that the port uses. Source: STM32F405 reference manual, RM0090. */
#ifndef HANDRAIL_REGISTERS_H
#define HANDRAIL_REGISTERS_H

#include <stdint.h>

typedef volatile uint32_t reg;

typedef struct {
  reg mode, type, speed, pull, in, out, set_reset, lock, function[2];
} gpio;
typedef struct {
  reg status, data, baud, control[3];
} usart;
typedef struct {
  reg control[2], slave, interrupts, status, event, mode[2], enable, count, prescaler, reload, rest,
      compare[4];
} timer;
typedef struct {
  reg status, control[2], time[2], offset[4], high, low, order[3], injected[5], data;
} adc;
typedef struct {
  reg control[2], own[2], data, status[2], clock, rise;
} i2c_unit;

#define AT(type, address) ((type *)(address))
#define GPIO(port) AT(gpio, 0x40020000u + 0x400u * (port))
#define USART1 AT(usart, 0x40011000u)
#define TIM3 AT(timer, 0x40000400u)
#define TIM4 AT(timer, 0x40000800u)
#define ADC1 AT(adc, 0x40012000u)
#define ADC_COMMON (*AT(reg, 0x40012304u))
#define I2C1 AT(i2c_unit, 0x40005400u)
#define RCC AT(reg, 0x40023800u)
#define RCC_CR 0u
#define RCC_PLLCFGR 1u
#define RCC_CFGR 2u
#define RCC_AHB1ENR 12u
#define RCC_APB1ENR 16u
#define RCC_APB2ENR 17u
#define RCC_CSR 29u
#define FLASH_ACR (*AT(reg, 0x40023C00u))
#define IWDG AT(reg, 0x40003000u)
#define SYSTICK AT(reg, 0xE000E010u)
#define NVIC_ENABLE AT(reg, 0xE000E100u)

#endif
