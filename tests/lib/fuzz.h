/* SPDX-License-Identifier: MIT
 * What fuzz targets share. A target is one file tests/fuzz/fuzz_x.c with its seeds in
 * tests/fuzz/corpus/x/. MODE=fuzz links libFuzzer; every other mode links fuzz_replay.c, which runs
 * the target over files. */
#ifndef TESTS_LIB_FUZZ_H
#define TESTS_LIB_FUZZ_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* fuzz_require: a property that every input must keep. */
#define fuzz_require(condition) ((condition) ? (void)0 : fuzz_failed(__FILE__, __LINE__))
_Noreturn void fuzz_failed(const char *file, int line);

enum { FUZZ_KINDS = 16 };
/* fuzz_kind: one of FUZZ_KINDS message types by a byte of the input; '0' is the first. */
const ProtobufCMessageDescriptor *fuzz_kind(uint8_t byte);
/* fuzz_round: as bytes and as JSON the message must come back the same. */
void fuzz_round(const ProtobufCMessage *message);

#endif
