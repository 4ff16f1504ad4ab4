/* All of string.h that the core uses; start.c has it. */
#ifndef HANDRAIL_STRING_H
#define HANDRAIL_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);

#endif
