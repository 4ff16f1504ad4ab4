/* A Modbus server on libmodbus, as a peer for our driver.
 *
 *   modbus_server tcp            listens on 127.0.0.1 and prints its port
 *   modbus_server rtu DEVICE     unit 1 on a serial line at 115200 8E1
 *
 * It dies with its parent. Holding registers 0-99 hold 7 n + 1, input registers 0-99 1000 + n, coils
 * 0-31 whether 3 divides n, discrete inputs 0-31 whether n is odd. From 60 on: 1234.5 as ABCD, CDAB,
 * BADC and DCBA.
 */
#include <arpa/inet.h>
#include <modbus.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

static modbus_mapping_t *filled(void)
{
    modbus_mapping_t *map = modbus_mapping_new(32, 32, 100, 100);
    if (map == NULL)
        exit(2);
    for (int n = 0; n < 100; n++) {
        map->tab_registers[n] = (uint16_t)(7 * n + 1);
        map->tab_input_registers[n] = (uint16_t)(1000 + n);
    }
    for (int n = 0; n < 32; n++) {
        map->tab_bits[n] = n % 3 == 0;
        map->tab_input_bits[n] = n % 2;
    }
    uint16_t *at = map->tab_registers + 60;
    modbus_set_float(1234.5f, at + 2); /* low word first */
    at[0] = at[3], at[1] = at[2];
    for (int n = 0; n < 4; n++)
        at[4 + n] = (uint16_t)(at[n] >> 8 | at[n] << 8);
    return map;
}

static void serve(modbus_t *context, modbus_mapping_t *map)
{
    uint8_t query[MODBUS_MAX_ADU_LENGTH];
    int size;
    while ((size = modbus_receive(context, query)) >= 0)
        if (size > 0)
            modbus_reply(context, query, size, map);
}

static int tcp(modbus_mapping_t *map)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    modbus_t *context = modbus_new_tcp("127.0.0.1", 0);
    int listening = context ? modbus_tcp_listen(context, 1) : -1;
    if (listening < 0 || getsockname(listening, (struct sockaddr *)&address, &length) < 0)
        return 3;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    while (modbus_tcp_accept(context, &listening) >= 0) {
        serve(context, map);
        modbus_close(context);
    }
    return 0;
}

static int rtu(modbus_mapping_t *map, const char *device)
{
    modbus_t *context = modbus_new_rtu(device, 115200, 'E', 8, 1);
    if (context == NULL || modbus_set_slave(context, 1) < 0 || modbus_connect(context) < 0)
        return 3;
    printf("ready\n");
    fflush(stdout);
    for (;;)
        serve(context, map);
}

int main(int count, char **arguments)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (count == 2 && strcmp(arguments[1], "tcp") == 0)
        return tcp(filled());
    if (count == 3 && strcmp(arguments[1], "rtu") == 0)
        return rtu(filled(), arguments[2]);
    return 1;
}
