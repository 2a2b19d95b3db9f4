/* notify.h - tells systemd how the service is (sd_notify), where it asked to be told. */
#ifndef HOST_APP_NOTIFY_H
#define HOST_APP_NOTIFY_H

/* Lines as in sd_notify(3): "READY=1\nSTATUS=…". Does nothing without NOTIFY_SOCKET; a failure is not
 * the service's. Does not park. */
void notify_systemd(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with RELOADING=1 and the time that it wants beside that. */
void notify_reloading(void);

#endif
