/* A board in memory: what tests and the process around it do to its pins. */
#ifndef HANDRAIL_HOST_PORT_H
#define HANDRAIL_HOST_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_PINS 32u
#define HOST_ROOM 4096u

typedef struct {
  uint32_t now;         /* us */
  uint8_t level[HOST_PINS]; /* of inputs as of outputs */
  uint16_t width[HOST_PINS]; /* us of a pulse */
  int32_t analog[HOST_PINS];
  int32_t sensor;       /* what the I2C device answers; beyond 16 bits: nothing */
  uint8_t in[HOST_ROOM];
  size_t in_from, in_to;
  uint8_t out[HOST_ROOM];
  size_t out_count;
  bool is_narrow; /* what is to be sent waits for `host_send`, as on a small chip */
  uint8_t reset_cause;
  uint16_t overruns;
  uint32_t writes; /* of outputs, so far */
  /* Told of every output that begins ("drive", with its level) or changes; may be 0. */
  void (*changed)(const char *kind, uint8_t pin, uint16_t value);
} host_board;

extern host_board host;

/* Give octets to the line; what has no room is lost and counted. */
void host_receive(const uint8_t *octets, size_t count);

/* Have so many octets sent at most. */
void host_send(size_t count);

#endif
