/*
 * Kills a program at one of the calls by which anything becomes durable, or visible to others.
 *
 * Preloaded into sluice-passage. It counts those calls of the one process that it was loaded into, over all
 * threads, and kills it before call number SLUICE_KILL_AT, or right after call number SLUICE_KILL_AFTER. What
 * it was killed at, or how many calls there were, is written to the file SLUICE_KILL_NOTE. With
 * SLUICE_KILL_TRACE every call is written to that file. Children are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;
static long kill_at = -1, kill_after = -1;
static pid_t self = -1;
static char note[PATH_MAX];
static int trace = -1;

/* Writes without going through the functions below. */
static void put(int fd, const char *text)
{
	(void)!syscall(SYS_write, fd, text, strlen(text));
}

static void note_down(long n, const char *what, const char *name, const char *path)
{
	char line[2 * PATH_MAX];
	int fd = (int)syscall(SYS_openat, AT_FDCWD, note, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	snprintf(line, sizeof line, "%ld %s %s %s\n", n, what, name, path);
	put(fd, line);
}

__attribute__((constructor)) static void start(void)
{
	const char *at = getenv("SLUICE_KILL_AT"), *after = getenv("SLUICE_KILL_AFTER");
	const char *file = getenv("SLUICE_KILL_NOTE"), *all = getenv("SLUICE_KILL_TRACE");
	if (!file)
		return;
	snprintf(note, sizeof note, "%s", file);
	if (at)
		kill_at = atol(at);
	if (after)
		kill_after = atol(after);
	if (all)
		trace = (int)syscall(SYS_openat, AT_FDCWD, all, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	self = getpid();
	/* A child that is started is another program, whose calls are not counted. */
	unsetenv("LD_PRELOAD");
	unsetenv("SLUICE_KILL_NOTE");
}

__attribute__((destructor)) static void end(void)
{
	if (self == getpid())
		note_down(atomic_load(&calls), "calls, then the end", "", "");
}

static void die(long n, const char *what, const char *name, const char *path)
{
	note_down(n, what, name, path);
	kill(self, SIGKILL);
	for (;;)
		pause();
}

static long before(const char *name, const char *path)
{
	int kept = errno;
	if (self != getpid())
		return 0;
	long n = atomic_fetch_add(&calls, 1) + 1;
	if (trace >= 0) {
		char line[2 * PATH_MAX];
		snprintf(line, sizeof line, "%ld %s %s\n", n, name, path);
		put(trace, line);
	}
	if (n == kill_at)
		die(n, "before", name, path);
	errno = kept;
	return n;
}

static void after(long n, const char *name, const char *path)
{
	if (n > 0 && n == kill_after)
		die(n, "after", name, path);
}

static const char *path_of(int fd, char *buffer)
{
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, buffer, PATH_MAX - 1);
	buffer[length < 0 ? 0 : length] = 0;
	return buffer;
}

/* Pipes, sockets and terminals keep nothing. */
static int is_file(int fd)
{
	struct stat meta;
	int kept = errno;
	int yes = fstat(fd, &meta) == 0 && (S_ISREG(meta.st_mode) || S_ISDIR(meta.st_mode));
	errno = kept;
	return yes;
}

#define NEXT(name)                                                                                            \
	static __typeof__(&name) next;                                                                        \
	if (!next)                                                                                            \
	next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define BY_PATH(type, name, declared, passed, path)                                                           \
	type name declared                                                                                    \
	{                                                                                                     \
		NEXT(name);                                                                                   \
		long n = before(#name, path);                                                                 \
		type result = next passed;                                                                    \
		after(n, #name, path);                                                                        \
		return result;                                                                                \
	}

#define BY_FD(type, name, declared, passed, fd)                                                               \
	type name declared                                                                                    \
	{                                                                                                     \
		NEXT(name);                                                                                   \
		if (!is_file(fd))                                                                             \
			return next passed;                                                                   \
		char path[PATH_MAX];                                                                          \
		long n = before(#name, path_of(fd, path));                                                    \
		type result = next passed;                                                                    \
		after(n, #name, path);                                                                        \
		return result;                                                                                \
	}

BY_FD(int, fsync, (int fd), (fd), fd)
BY_FD(int, fdatasync, (int fd), (fd), fd)
BY_FD(int, syncfs, (int fd), (fd), fd)
BY_FD(int, ftruncate, (int fd, off_t size), (fd, size), fd)
BY_FD(int, ftruncate64, (int fd, off64_t size), (fd, size), fd)
BY_FD(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), fd)
BY_FD(int, fallocate64, (int fd, int mode, off64_t at, off64_t size), (fd, mode, at, size), fd)
BY_FD(int, posix_fallocate, (int fd, off_t at, off_t size), (fd, at, size), fd)
BY_FD(int, posix_fallocate64, (int fd, off64_t at, off64_t size), (fd, at, size), fd)
BY_FD(int, fchmod, (int fd, mode_t mode), (fd, mode), fd)
BY_FD(int, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid), fd)
BY_FD(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), fd)
BY_FD(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), fd)
BY_FD(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), fd)
BY_FD(ssize_t, writev, (int fd, const struct iovec *data, int count), (fd, data, count), fd)
BY_FD(ssize_t, pwritev, (int fd, const struct iovec *data, int count, off_t at), (fd, data, count, at), fd)
BY_FD(ssize_t, pwritev64, (int fd, const struct iovec *data, int count, off64_t at), (fd, data, count, at), fd)
BY_FD(ssize_t, pwritev2, (int fd, const struct iovec *data, int count, off_t at, int flags),
      (fd, data, count, at, flags), fd)
BY_FD(ssize_t, copy_file_range, (int in, off64_t *from, int fd, off64_t *to, size_t size, unsigned flags),
      (in, from, fd, to, size, flags), fd)
BY_PATH(int, rename, (const char *from, const char *to), (from, to), to)
BY_PATH(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), to)
BY_PATH(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags), to)
BY_PATH(int, link, (const char *from, const char *to), (from, to), to)
BY_PATH(int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), to)
BY_PATH(int, unlink, (const char *path), (path), path)
BY_PATH(int, unlinkat, (int at, const char *path, int flags), (at, path, flags), path)
BY_PATH(int, remove, (const char *path), (path), path)
BY_PATH(int, mkdir, (const char *path, mode_t mode), (path, mode), path)
BY_PATH(int, mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), path)
BY_PATH(int, rmdir, (const char *path), (path), path)
BY_PATH(int, symlink, (const char *to, const char *path), (to, path), path)
BY_PATH(int, symlinkat, (const char *to, int at, const char *path), (to, at, path), path)
BY_PATH(int, truncate, (const char *path, off_t size), (path, size), path)
BY_PATH(int, truncate64, (const char *path, off64_t size), (path, size), path)
BY_PATH(int, chmod, (const char *path, mode_t mode), (path, mode), path)
BY_PATH(int, fchmodat, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags), path)
BY_PATH(int, chown, (const char *path, uid_t uid, gid_t gid), (path, uid, gid), path)
BY_PATH(int, lchown, (const char *path, uid_t uid, gid_t gid), (path, uid, gid), path)
BY_PATH(int, fchownat, (int at, const char *path, uid_t uid, gid_t gid, int flags), (at, path, uid, gid, flags), path)

/* An open is a change only when it may make or empty a file. */
#define OPENS(name, declared, passed)                                                                         \
	int name declared                                                                                     \
	{                                                                                                     \
		NEXT(name);                                                                                   \
		mode_t mode = 0;                                                                              \
		int changes = (flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE;              \
		if (changes) {                                                                                \
			va_list rest;                                                                         \
			va_start(rest, flags);                                                                \
			mode = va_arg(rest, mode_t);                                                          \
			va_end(rest);                                                                         \
		}                                                                                             \
		long n = changes ? before(#name, path) : 0;                                                   \
		int result = next passed;                                                                     \
		after(n, #name, path);                                                                        \
		return result;                                                                                \
	}

OPENS(open, (const char *path, int flags, ...), (path, flags, mode))
OPENS(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENS(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPENS(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))
