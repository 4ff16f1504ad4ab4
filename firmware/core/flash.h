/* Tables that stand in flash: where that is an address space of its own, they are copied out. */
#ifndef HANDRAIL_FLASH_H
#define HANDRAIL_FLASH_H

#include <string.h>

#ifdef __AVR__
#include <avr/pgmspace.h>
#define HR_FLASH PROGMEM
#define hr_flash_copy(to, from, size) memcpy_P((to), (from), (size))
#define hr_flash_octet(from) pgm_read_byte(from)
#define hr_flash_word(from) pgm_read_word(from)
#else
#define HR_FLASH
#define hr_flash_copy(to, from, size) memcpy((to), (from), (size))
#define hr_flash_octet(from) (*(from))
#define hr_flash_word(from) (*(from))
#endif

#endif
