#pragma once
#include <synward/cookie.h>
int sw_key_file_read(const char *path, struct sw_keys *keys);
