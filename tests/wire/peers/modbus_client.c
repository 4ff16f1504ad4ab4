/* A client on libmodbus: does what its arguments say, prints what it got, a line each.
 *
 * modbus_client tcp PORT | rtu DEVICE BAUD PARITY, then UNIT, then acts:
 *   r ADDRESS COUNT   holding registers      c ADDRESS COUNT   coils
 *   w ADDRESS VALUE   one register           W ADDRESS A B     two registers
 *   k ADDRESS VALUE   one coil               x ADDRESS A READ  write one, read READ from 0
 *   m ADDRESS AND OR  mask write
 */
#include <errno.h>
#include <modbus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void done(int result, const uint16_t *words, int count) {
    if (result < 0) {
        printf("error %s\n", modbus_strerror(errno));
        return;
    }
    printf("ok");
    for (int n = 0; n < count; n++)
        printf(" %u", words[n]);
    printf("\n");
}

int main(int argc, char **argv) {
    modbus_t *bus;
    int at;
    if (argc < 4)
        return 2;
    if (!strcmp(argv[1], "tcp")) {
        bus = modbus_new_tcp("127.0.0.1", atoi(argv[2]));
        at = 3;
    } else {
        bus = modbus_new_rtu(argv[2], atoi(argv[3]), argv[4][0], 8, 1);
        at = 5;
    }
    if (!bus || modbus_set_slave(bus, atoi(argv[at++])) || modbus_connect(bus)) {
        printf("error %s\n", modbus_strerror(errno));
        return 1;
    }
    modbus_set_response_timeout(bus, 2, 0);
    while (at < argc) {
        uint16_t words[125] = {0};
        uint8_t bits[125] = {0};
        char act = argv[at][0];
        int a = at + 1 < argc ? atoi(argv[at + 1]) : 0;
        int b = at + 2 < argc ? atoi(argv[at + 2]) : 0;
        int c = at + 3 < argc ? atoi(argv[at + 3]) : 0;
        if (act == 'r') {
            done(modbus_read_registers(bus, a, b, words), words, b);
            at += 3;
        } else if (act == 'c') {
            int result = modbus_read_bits(bus, a, b, bits);
            for (int n = 0; n < b; n++)
                words[n] = bits[n];
            done(result, words, b);
            at += 3;
        } else if (act == 'w') {
            done(modbus_write_register(bus, a, b), words, 0);
            at += 3;
        } else if (act == 'W') {
            uint16_t two[2] = {b, c};
            done(modbus_write_registers(bus, a, 2, two), words, 0);
            at += 4;
        } else if (act == 'k') {
            done(modbus_write_bit(bus, a, b), words, 0);
            at += 3;
        } else if (act == 'm') {
            done(modbus_mask_write_register(bus, a, b, c), words, 0);
            at += 4;
        } else if (act == 'x') {
            uint16_t one[1] = {b};
            done(modbus_write_and_read_registers(bus, a, 1, one, 0, c, words), words, c);
            at += 4;
        } else {
            return 2;
        }
    }
    modbus_close(bus);
    modbus_free(bus);
    return 0;
}
