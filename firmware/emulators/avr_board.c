/* SPDX-License-Identifier: GPL-3.0-or-later (see LICENSE.md)
 *
 * An Uno without an Uno: `avr_board START HEX...` runs images on simavr, paced to the wall clock. It prints
 * `port PATH`, a pseudo-terminal; whoever opens it resets the board, as the Uno's DTR does.
 *
 * Standard input has orders, one a line, each answered by a line of a single dot:
 *   pin N LEVEL   an input's level       analog N MILLIVOLT   what a converter's pin has
 *   reset 0       the reset button       clock 0              print `clock US 0`
 *   speed N       N times the wall clock; 0: as fast as it can
 *   quantum 0 US  what it runs between two looks at the clock and the line
 * Unasked come `pin N LEVEL US` and `pulse N WIDTH US` (width 0: they have ended), pins by an Uno's numbers, time in
 * us of the chip's own cycles; and `crashed US`. A crashed chip waits for a reset, as a real one would not: tests see it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <simavr/avr_adc.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_hex.h>

#include "avr_board.h"

#define HZ 16000000u
#define SLIP 20000   /* us behind, beyond which it slows down instead of hurrying */
#define MCUSR 0x54
#define EXTRF 2
#define ROOM 4096

avr_t *chip;
static int master;
static unsigned start;
static double speed = 1.0;
static unsigned quantum = 100; /* us */
static bool open_now, can_take, crashed;
static unsigned char to_chip[ROOM];
static unsigned to_from, to_to;
static avr_irq_t *uart_in;

unsigned long us(void) {
  return (unsigned long)(chip->cycle / CYCLES_A_US);
}

/* --- the line ------------------------------------------------------------------------------------- */

static void on_octet(struct avr_irq_t *irq, uint32_t value, void *with) {
  const unsigned char octet = (unsigned char)value;
  (void)irq;
  (void)with;
  if (open_now && write(master, &octet, 1) != 1) {
    /* nobody reads: a wire forgets */
  }
}

static void on_room(struct avr_irq_t *irq, uint32_t value, void *with) {
  (void)irq;
  (void)value;
  can_take = with != 0;
}

static void give(void) {
  while (can_take && to_from != to_to) {
    avr_raise_irq(uart_in, to_chip[to_from]);
    to_from = (to_from + 1u) % ROOM;
  }
}

static void hear(void) {
  unsigned char octets[256];
  const unsigned room = (to_from - to_to - 1u + ROOM) % ROOM;
  const ssize_t count = read(master, octets, room < sizeof octets ? room : sizeof octets);
  for (ssize_t n = 0; n < count; n++) {
    to_chip[to_to] = octets[n];
    to_to = (to_to + 1u) % ROOM;
  }
}

static void reset(void) {
  avr_reset(chip);
  pins_reset();
  chip->data[MCUSR] |= EXTRF;
  chip->state = cpu_Running;
  crashed = false;
  to_from = to_to;
  can_take = true;
}

/* --- orders --------------------------------------------------------------------------------------- */

static void obey(char *order) {
  char what[16];
  long number = 0;
  long value = 0;
  if (sscanf(order, "%15s %ld %ld", what, &number, &value) < 2) {
    return;
  }
  const unsigned pin = (unsigned)number % PINS;
  if (strcmp(what, "pin") == 0) {
    pin_hold(pin, value != 0);
  } else if (strcmp(what, "analog") == 0) {
    avr_raise_irq(avr_io_getirq(chip, AVR_IOCTL_ADC_GETIRQ, (int)(ADC_IRQ_ADC0 + pin - 14)),
                  (uint32_t)value);
  } else if (strcmp(what, "reset") == 0) {
    reset();
  } else if (strcmp(what, "speed") == 0) {
    speed = (double)number;
  } else if (strcmp(what, "quantum") == 0) {
    quantum = value > 0 ? (unsigned)value : quantum;
  } else if (strcmp(what, "clock") == 0) {
    printf("clock %lu 0\n", us());
  }
}

/* False once standard input has ended. */
static bool take_orders(void) {
  static char order[256];
  static size_t filled;
  char octets[256];
  const ssize_t count = read(0, octets, sizeof octets);
  if (count <= 0) {
    return false;
  }
  for (ssize_t n = 0; n < count; n++) {
    if (octets[n] == '\n' || filled == sizeof order - 1) {
      order[filled] = 0;
      obey(order);
      printf(".\n");
      filled = 0;
    } else {
      order[filled++] = octets[n];
    }
  }
  return true;
}

/* --- life ----------------------------------------------------------------------------------------- */

static void wire(void) {
  uint32_t flags = 0;
  avr_ioctl(chip, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
  flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POLL_SLEEP);
  avr_ioctl(chip, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
  avr_irq_t *uart = avr_io_getirq(chip, AVR_IOCTL_UART_GETIRQ('0'), 0);
  uart_in = uart + UART_IRQ_INPUT;
  avr_irq_register_notify(uart + UART_IRQ_OUTPUT, on_octet, 0);
  avr_irq_register_notify(uart + UART_IRQ_OUT_XON, on_room, (void *)1);
  avr_irq_register_notify(uart + UART_IRQ_OUT_XOFF, on_room, 0);
  pins_wire();
}

static void load(const char *path) {
  ihex_chunk_p chunks = 0;
  const int count = read_ihex_chunks(path, &chunks);
  if (count <= 0) {
    fprintf(stderr, "avr_board: %s is no Intel HEX file\n", path);
    exit(2);
  }
  for (int n = 0; n < count; n++) {
    if (chunks[n].baseaddr + chunks[n].size <= chip->flashend + 1u) {
      memcpy(chip->flash + chunks[n].baseaddr, chunks[n].data, chunks[n].size);
    }
  }
  free_ihex_chunks(chunks);
}

static void run_quantum(void) {
  const avr_cycle_count_t until = chip->cycle + quantum * CYCLES_A_US;
  while (!crashed && chip->cycle < until) {
    const int state = avr_run(chip);
    crashed = state == cpu_Crashed || state == cpu_Done;
    if (crashed) {
      printf("crashed %lu\n", us());
    }
  }
  if (crashed) {
    chip->cycle = until; /* its time goes on */
  }
}

static void pace(void) {
  static struct timespec begun;
  static double due;
  static avr_cycle_count_t paced; /* a chip that sleeps runs on to what wakes it, beyond its quantum */
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  if (begun.tv_sec == 0) {
    begun = now;
  }
  const double past = 1e6 * (double)(now.tv_sec - begun.tv_sec) + 1e-3 * (double)(now.tv_nsec - begun.tv_nsec);
  due += speed > 0.0 ? (double)(chip->cycle - paced) / CYCLES_A_US / speed : 0.0;
  paced = chip->cycle;
  if (past - due > SLIP || speed <= 0.0) {
    due = past;
  } else if (due - past > quantum) {
    (void)usleep((useconds_t)(due - past));
  }
}

static void quiet(avr_t *avr, const int level, const char *format, va_list more) {
  (void)avr;
  if (level <= LOG_ERROR) {
    (void)vfprintf(stderr, format, more);
  }
}

static void never(avr_t *avr, avr_cycle_count_t how_long) {
  (void)avr;
  (void)how_long;
}

static bool make_chip(int count, char **images) {
  avr_global_logger_set(quiet);
  chip = avr_make_mcu_by_name("atmega328p");
  if (chip == 0 || avr_init(chip) != 0) {
    return false;
  }
  chip->frequency = HZ;
  chip->vcc = chip->avcc = chip->aref = 5000;
  chip->sleep = never;
  memset(chip->flash, 0xFF, chip->flashend + 1u);
  for (int n = 0; n < count; n++) {
    load(images[n]);
  }
  chip->codeend = chip->flashend;
  chip->reset_pc = start;
  return true;
}

static bool open_line(char *path) {
  int slave;
  struct termios raw;
  if (openpty(&master, &slave, path, 0, 0) != 0) {
    return false;
  }
  (void)tcgetattr(slave, &raw);
  cfmakeraw(&raw);
  (void)tcsetattr(slave, TCSANOW, &raw);
  (void)close(slave); /* so that it is seen who opens it */
  (void)fcntl(master, F_SETFL, O_NONBLOCK);
  return true;
}

/* Look at the line and at orders, then run on; false once standard input has ended. */
static bool turn(void) {
  struct pollfd waiting[2] = {{.fd = master, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  (void)poll(waiting, 2, 0);
  const bool is_open = (waiting[0].revents & POLLHUP) == 0;
  if (is_open && !open_now) {
    reset();
  }
  open_now = is_open;
  if ((waiting[0].revents & POLLIN) != 0) {
    hear();
  }
  if ((waiting[1].revents & (POLLIN | POLLHUP)) != 0 && !take_orders()) {
    return false;
  }
  give();
  run_quantum();
  pins_look();
  (void)fflush(stdout);
  pace();
  return true;
}

int main(int count, char **arguments) {
  char path[64];
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (count < 3) {
    fprintf(stderr, "avr_board START HEX...\n");
    return 2;
  }
  start = (unsigned)strtoul(arguments[1], 0, 0);
  if (!make_chip(count - 2, &arguments[2]) || !open_line(path)) {
    return 2;
  }
  wire();
  reset();
  printf("port %s\n", path);
  while (turn()) {
  }
  return 0;
}
