/* A command that does nothing until a signal ends it: what both executors start. */
#include <unistd.h>

int main(void) {
    pause();
    return 0;
}
