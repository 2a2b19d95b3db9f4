/* xml_memory.h - Expat's memory, counted to the job that runs on this thread. Without it a file of
 * nothing but different names would fill the machine's. */
#ifndef OFFICE_XML_MEMORY_H
#define OFFICE_XML_MEMORY_H

#include "job.h"

#include <expat.h>

/* Whose memory is it from now on? Set around every call of Expat; NULL behind it. */
void xml_memory_of(struct job *job);
XML_Parser xml_memory_parser(void);

#endif
