/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <locale.h>

#include "cmd/command.h"

int main(int argc, char **argv)
{
	/* Only the width of characters on the terminal: numbers are written with a point everywhere. */
	(void)setlocale(LC_CTYPE, "");
	return command_main(argc, argv);
}
