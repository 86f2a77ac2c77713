/* SPDX-License-Identifier: MIT
 * Linked around the broker's own objects (--wrap): every part that it takes or gives, after CURVE, is also appended to
 * the file named by TAP. For tests/e2e/test_tap.py. */
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

int real_msg_recv(zmq_msg_t *part, void *socket, int flags) __asm__("__real_zmq_msg_recv");
int real_send(void *socket, const void *data, size_t len, int flags) __asm__("__real_zmq_send");
int wrap_msg_recv(zmq_msg_t *part, void *socket, int flags) __asm__("__wrap_zmq_msg_recv");
int wrap_send(void *socket, const void *data, size_t len, int flags) __asm__("__wrap_zmq_send");

static void tap(const void *data, size_t len)
{
    static FILE *file;

    if (!file)
        file = fopen(getenv("TAP"), "ab");
    if (!file || fwrite(data, 1, len, file) != len || fflush(file) != 0)
        abort();
}

int wrap_msg_recv(zmq_msg_t *part, void *socket, int flags)
{
    int len = real_msg_recv(part, socket, flags);

    if (len >= 0)
        tap(zmq_msg_data(part), zmq_msg_size(part));
    return len;
}

int wrap_send(void *socket, const void *data, size_t len, int flags)
{
    int sent = real_send(socket, data, len, flags);

    if (sent >= 0)
        tap(data, len);
    return sent;
}
