/* Preloaded: the wall clock is STEPPED_CLOCK_NS ahead from a second after the file
 * STEPPED_CLOCK_FILE was made. Only the wall clock: the monotonic one stays as it is. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#define DELAY_NS 1000000000LL

static int (*really)(clockid_t, struct timespec *);

__attribute__((constructor)) static void find(void) {
    really = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!really) find();
    int code = really(clock, now);
    const char *file = getenv("STEPPED_CLOCK_FILE"), *step = getenv("STEPPED_CLOCK_NS");
    struct stat made;
    if (code || clock != CLOCK_REALTIME || !file || !step || stat(file, &made)) return code;
    long long total = now->tv_sec * 1000000000LL + now->tv_nsec;
    if (total < made.st_mtim.tv_sec * 1000000000LL + made.st_mtim.tv_nsec + DELAY_NS) return code;
    total += atoll(step);
    now->tv_sec = total / 1000000000LL;
    now->tv_nsec = total % 1000000000LL;
    return 0;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec fine;
    (void)zone;
    int code = clock_gettime(CLOCK_REALTIME, &fine);
    now->tv_sec = fine.tv_sec;
    now->tv_usec = fine.tv_nsec / 1000;
    return code;
}
