/* What an application declares: a table of channels, each beside what serves it. */
#ifndef HANDRAIL_BOARD_H
#define HANDRAIL_BOARD_H

#include "flash.h"
#include "hal.h"
#include "link.h"

/* Of functions that a turn of the main loop seldom needs: inlined, they would make every turn slower. */
#define HR_SELDOM __attribute__((noinline))

#define HR_NO_PIN 0xFFu
#define HR_PULL_UP 1u /* flags of inputs */
#define HR_INVERT 2u

typedef struct hr_wiring hr_wiring;

/* What serves a channel; what it cannot do is left 0. */
struct hr_wiring {
  void (*start)(const hr_wiring *me, const hr_channel *info);
  bool (*read)(const hr_wiring *me, int32_t *value); /* false: a sensor did not answer */
  void (*write)(const hr_wiring *me, int32_t value); /* within its limits already */
  void (*make_safe)(const hr_wiring *me);            /* 0: its safe value is written */
  void *state;
  uint8_t pin;
  uint8_t second;
  uint8_t flags;
};

/* What wants every turn of the main loop: stands first in a channel's state, and is handed over at its start. */
typedef struct hr_turned hr_turned;
struct hr_turned {
  void (*turn)(hr_turned *me, uint32_t now);
  hr_turned *next;
};

/* Have it turned from now on. */
void hr_turn_always(hr_turned *me);

/* One row of the table, in flash. */
typedef struct {
  hr_channel info;
  hr_wiring wiring;
} hr_row;

/* What is known of an output. */
typedef struct {
  uint32_t commanded; /* when */
  uint8_t live;       /* it may be off its safe value */
} hr_output;

typedef struct {
  char name[16];
  uint16_t version;
  const hr_row *rows; /* in flash */
  hr_output *outputs; /* one a row */
  uint8_t count;      /* of rows, 32 at most */
  uint8_t stop_pin;   /* of the emergency stop, HR_NO_PIN: there is none */
  uint8_t stop_level; /* of that pin while it is open: pressed, cut or unplugged */
} hr_application;

/* The application's own. */
extern const hr_application hr_app;

/* Begin: every output to its safe value. Once, after the port has begun. */
void hr_start(void);

/* One turn of the main loop; waits never. */
void hr_poll(void);

/* Tell whether a turn in every ms, and one for every octet, is enough: nothing is counted or sampled faster. */
bool hr_may_rest(void);

#endif
