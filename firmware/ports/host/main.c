/* A board as a process: `board LINE_FD` in real time, `board` in virtual time.
 *
 * Standard input has orders, one a line, and standard output tells what they did:
 *   pin N LEVEL      an input's level          analog N VALUE   what the converter finds
 *   sensor VALUE     what the I2C device says  reset CAUSE      begin anew
 *   rx HEX           octets from the line      run US           let virtual time pass
 *   skew PPM         the counter runs so fast  level N          print a pin's level
 *   line N           so many octets leave in a ms of virtual time, and 255 wait at most; at first all leave at once
 *   clock 0          print the counter and the longest time between two turns of the main loop
 * Each order ends with a line of a single dot. Unasked come `tx HEX`, `pin N LEVEL US`, `pulse N US US`,
 * and `drive N LEVEL US` of a pin that becomes an output.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "board.h"
#include "port.h"
#include "state.h"

#define TURN 50u /* us of virtual time between two turns of the main loop */

static int line = -1; /* the line's descriptor in real time */
static double skew = 1.0;
static size_t pace; /* octets that leave in a ms; 0: all at once */
static size_t passed; /* thousandths of octets that the line has had time for */
static uint64_t began;
static char order[16384]; /* that comes just now */

static void changed(const char *kind, uint8_t pin, uint16_t value) {
  printf("%s %u %u %u\n", kind, pin, value, host.now);
}

static size_t leaving(size_t us) {
  const size_t waiting = (uint8_t)(hr_out.in - hr_out.out);
  passed = waiting > 0u ? passed + us * pace : 0u;
  const size_t count = passed / 1000u > waiting ? waiting : passed / 1000u;
  passed -= count * 1000u;
  return count;
}

static void print_sent(size_t us) {
  if (host.is_narrow) {
    host_send(leaving(us));
  }
  if (host.out_count > 0u) {
    printf("tx ");
    for (size_t n = 0; n < host.out_count; n++) {
      printf("%02x", host.out[n]);
    }
    printf("\n");
    host.out_count = 0;
  }
}

static void run(uint32_t ticks) {
  const uint32_t until = host.now + ticks;
  hr_poll();
  while ((int32_t)(until - host.now) > 0) {
    const uint32_t left = until - host.now;
    const uint32_t turn = left < TURN ? left : TURN;
    host.now += turn;
    hr_poll();
    print_sent(turn);
  }
  print_sent(0);
}

static void take_hex(const char *text) {
  unsigned octet;
  for (; sscanf(text, "%2x", &octet) == 1; text += 2) {
    const uint8_t one = (uint8_t)octet;
    host_receive(&one, 1);
  }
}

/* Obey an order about what is wired to the board; false where it is about something else. */
static bool obey_of_pins(const char *what, long number, long value) {
  const size_t pin = (size_t)number % HOST_PINS;
  if (strcmp(what, "pin") == 0) {
    host.level[pin] = value != 0;
  } else if (strcmp(what, "analog") == 0) {
    host.analog[pin] = (int32_t)value;
  } else if (strcmp(what, "sensor") == 0) {
    host.sensor = (int32_t)number;
  } else if (strcmp(what, "level") == 0) {
    printf("level %zu %u\n", pin, host.level[pin]);
  } else {
    return false;
  }
  return true;
}

static void obey_of_life(const char *what, long number) {
  if (strcmp(what, "reset") == 0) {
    host.reset_cause = (uint8_t)number;
    hr_start();
  } else if (strcmp(what, "run") == 0) {
    run((uint32_t)number);
  } else if (strcmp(what, "skew") == 0) {
    skew = 1.0 + (double)number * 1e-6;
  } else if (strcmp(what, "line") == 0) {
    pace = (size_t)number;
    host.is_narrow = number > 0;
  } else if (strcmp(what, "clock") == 0) {
    printf("clock %u %u\n", host.now, hr_now.counts.longest_poll);
  }
}

static void obey(void) {
  const char *what = strtok(order, " \n");
  const char *first = strtok(0, " \n");
  const char *second = strtok(0, " \n");
  if (what == 0 || first == 0) {
    return;
  }
  const long number = strtol(first, 0, 10);
  const long value = second == 0 ? 0 : strtol(second, 0, 10);
  if (strcmp(what, "rx") == 0) {
    take_hex(first);
  } else if (!obey_of_pins(what, number, value)) {
    obey_of_life(what, number);
  }
}

static uint64_t clock_us(void) {
  struct timespec at;
  (void)clock_gettime(CLOCK_MONOTONIC, &at);
  return (uint64_t)at.tv_sec * 1000000u + (uint64_t)at.tv_nsec / 1000u;
}

/* Hear the line; false once it has ended. */
static bool hear(void) {
  uint8_t octets[256];
  const ssize_t count = read(line, octets, sizeof octets);
  if (count > 0) {
    host_receive(octets, (size_t)count);
  }
  return count != 0;
}

/* Take an octet of an order; false once standard input has ended. */
static bool take_order(void) {
  static size_t filled;
  const ssize_t count = read(0, &order[filled], 1);
  if (count <= 0) {
    return false;
  }
  filled += 1u;
  if (order[filled - 1u] == '\n' || filled == sizeof order - 1u) {
    order[filled] = 0;
    obey();
    printf(".\n");
    filled = 0;
  }
  return true;
}

static void say(void) {
  const ssize_t sent = host.out_count > 0u ? write(line, host.out, host.out_count) : 0;
  if (sent > 0) {
    host.out_count -= (size_t)sent;
    memmove(host.out, &host.out[sent], host.out_count);
  } else if (sent < 0 && errno != EAGAIN) {
    host.out_count = 0; /* nobody there: a line forgets */
  }
}

/* One turn in real time; false once the line or standard input has ended. */
static bool turn(void) {
  struct pollfd waiting[2] = {{.fd = line, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  const struct timespec pause = {.tv_nsec = 200000};
  (void)ppoll(waiting, 2, &pause, 0);
  host.now = (uint32_t)(uint64_t)((double)(clock_us() - began) * skew);
  if ((waiting[0].revents & POLLIN) != 0 && !hear()) {
    return false;
  }
  if ((waiting[1].revents & (POLLIN | POLLHUP)) != 0 && !take_order()) {
    return false;
  }
  hr_poll();
  say();
  (void)fflush(stdout);
  return true;
}

int main(int count, char **arguments) {
  (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
  host.changed = changed;
  host.reset_cause = HR_RESET_CAUSE_POWER_ON;
  began = clock_us();
  hr_start();
  if (count > 1) {
    line = atoi(arguments[1]);
    while (turn()) {
    }
    return 0;
  }
  while (fgets(order, sizeof order, stdin) != 0) {
    obey();
    printf(".\n");
    (void)fflush(stdout);
  }
  return 0;
}
