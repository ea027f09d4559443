/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libxml2's types as owning locals.  A writer made by xmlNewTextWriterMemory() does not own its buffer: declare the
 * buffer first, so that the writer is freed (and flushed) before it.
 */
#ifndef LIMITLAB_GLUE_XML_H
#define LIMITLAB_GLUE_XML_H

#include <libxml/parser.h>
#include <libxml/uri.h>
#include <libxml/xmlwriter.h>
#include <libxml/xpath.h>

#include "base/auto.h"

DEFINE_AUTO(xml_buffer, xmlBufferPtr, xmlBufferFree);
DEFINE_AUTO(xml_writer, xmlTextWriterPtr, xmlFreeTextWriter);
DEFINE_AUTO(xml_doc, xmlDocPtr, xmlFreeDoc);
DEFINE_AUTO(xml_context, xmlXPathContextPtr, xmlXPathFreeContext);
DEFINE_AUTO(xml_found, xmlXPathObjectPtr, xmlXPathFreeObject);
DEFINE_AUTO(xml_uri, xmlURIPtr, xmlFreeURI);

#endif
