/* Lets user-mode-linux 6.1 run on processors with AMX.
 *
 * It reads and writes its guests' extended registers (NT_X86_XSTATE) in a buffer whose size was chosen when it was built. The
 * kernel gives a part, but takes only the whole ("userspace - ptrace set fp regs failed, errno = 14"). This library, loaded before
 * the C library, writes the whole: the part that user-mode-linux knows, over what the process has now. Linux 6.13 makes it
 * superfluous ("um: switch to regset API and depend on XSTATE").
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#define LARGEST 65536 /* bytes; a processor with AMX has 11008 */

typedef long (*ptrace_function)(enum __ptrace_request, ...);

long ptrace(enum __ptrace_request request, ...)
{
	static ptrace_function real;
	static _Thread_local char whole[LARGEST];
	va_list words;

	va_start(words, request);
	pid_t process = va_arg(words, pid_t);
	void *address = va_arg(words, void *);
	void *data = va_arg(words, void *);
	va_end(words);

	if (!real)
		real = (ptrace_function)dlsym(RTLD_NEXT, "ptrace");
	if (request == PTRACE_SETREGSET && (unsigned long)address == NT_X86_XSTATE) {
		struct iovec *part = data;
		struct iovec all = {.iov_base = whole, .iov_len = sizeof whole};

		if (real(PTRACE_GETREGSET, process, address, &all))
			return -1;
		if (part->iov_len < all.iov_len) {
			memcpy(whole, part->iov_base, part->iov_len);
			return real(PTRACE_SETREGSET, process, address, &all);
		}
	}
	return real(request, process, address, data);
}
