/* SPDX-License-Identifier: MIT
 * One line per event on standard error: time, level, event name, key=value. Ids, codes and counts only. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

void log_open(const char *program);
void log_info(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_error(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
