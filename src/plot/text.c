/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plot/parts.h"

#include <string.h>

#include "base/auto.h"

/* Length of the UTF-8 character at text, 0: not UTF-8.  ret_code is its number. */
static size_t decode(const char *text, uint32_t *ret_code)
{
	const unsigned char *s = (const unsigned char *)text;
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

	for (size_t form = 0; form < ARRAY_SIZE(forms); form++) {
		if ((s[0] & forms[form].mask) != forms[form].lead)
			continue;
		uint32_t code = s[0] & (unsigned char)~forms[form].mask;
		for (size_t i = 1; i <= form; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[i] & 0x3f);
		}
		if (code < forms[form].least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return 0;
		*ret_code = code;
		return form + 1;
	}
	return 0;
}

/*
 * What DejaVu Sans 2.37 has of Latin, Greek, Cyrillic, Hebrew and symbols.  Where no font has a character, gnuplot's
 * pngcairo draws pango's box with its number across the whole picture.
 */
static bool is_drawable(uint32_t code)
{
	static const struct {
		uint32_t from, to;
	} ranges[] = {{0x20, 0x7e}, {0xa0, 0x2e9}, {0x384, 0x38a}, {0x38c, 0x38c}, {0x38e, 0x3a1},
		{0x3a3, 0x525}, {0x5d0, 0x5ea}, {0x1e00, 0x1efb}, {0x2010, 0x2027}, {0x2030, 0x205e},
		{0x20a0, 0x20b5}, {0x20bd, 0x20bd}, {0x2100, 0x2109}, {0x2190, 0x2311}, {0x2500, 0x269c},
		{0xfffd, 0xfffd}};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		if (code >= ranges[i].from && code <= ranges[i].to)
			return true;
	}
	return false;
}

/* gnuplot takes two quotes at the beginning of a string for an empty one, although elsewhere they stand for a quote. */
static const char *open_quote(struct buf *out, const char *text)
{
	for (; *text == '\''; text++)
		buf_adds(out, "\"'\".");
	buf_adds(out, "'");
	return text;
}

void plot_quote_raw(struct buf *out, const char *text)
{
	text = open_quote(out, text);
	for (const char *s = text; *s; s++)
		buf_add(out, *s == '\'' ? "''" : s, *s == '\'' ? 2 : 1);
	buf_adds(out, "'");
}

void plot_quote(struct buf *out, const char *text)
{
	text = open_quote(out, text);
	for (const char *s = text; *s;) {
		uint32_t code = 0;
		size_t length = decode(s, &code);
		if (length == 0)
			buf_adds(out, "?");
		else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			buf_adds(out, " ");
		else if (!is_drawable(code))
			buf_adds(out, "\xef\xbf\xbd");
		else if (code == '\'')
			buf_adds(out, "''");
		else if (code == '>' && s - text >= 2 && s[-1] == ']' && s[-2] == ']')
			/* gnuplot does not escape it, and "]]>" is not well-formed (XML 1.0, 2.4). */
			buf_adds(out, " >");
		else
			buf_add(out, s, length);
		s += length ? length : 1;
	}
	buf_adds(out, "'");
}

/* Advance widths of ' ' to '~' in DejaVu Sans 2.37, in thousandths of an em. */
static const short ascii_width[] = {
	318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337,  /* space to / */
	636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531,  /* 0 to ? */
	1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787, /* @ to O */
	603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500,  /* P to _ */
	500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612,  /* ` to o */
	635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,       /* p to ~ */
};

/* With 3 % for rounding to whole pixels; beyond ASCII a guess that is rather too wide. */
static double char_em(uint32_t code)
{
	if (code >= ' ' && code <= '~')
		return ascii_width[code - ' '] * 1.03e-3;
	return code >= 0x1100 ? 1.1 : 0.85;
}

double plot_text_px(const char *text, double font_px)
{
	double em = 0;
	while (*text) {
		uint32_t code = 'n';
		size_t length = decode(text, &code);
		em += char_em(code);
		text += length ? length : 1;
	}
	return em * font_px;
}

char *plot_shorten(const char *text, double font_px, double width_px)
{
	if (plot_text_px(text, font_px) <= width_px)
		return xstrdup(text);
	double em = char_em(0x2026);
	size_t end = 0;
	for (size_t at = 0; text[at];) {
		uint32_t code = 'n';
		size_t length = decode(text + at, &code);
		em += char_em(code);
		if (em * font_px > width_px)
			break;
		at += length ? length : 1;
		end = at;
	}
	while (end > 0 && text[end - 1] == ' ')
		end--;
	if (end == 0)
		return xstrdup("");
	return xasprintf("%.*s\xe2\x80\xa6", (int)end, text);
}

static const struct {
	const char *name;
	uint32_t color;
	uint32_t like; /* the colour of the cycle that would be taken for it */
} named[] = {
	{"blue", 0x1f5fc4, 0x0072b2},
	{"green", 0x2b8a3e, 0x009e73},
	{"red", 0xd0302a, 0xd55e00},
	{"orange", 0xe69f00, 0xe69f00},
	{"purple", 0x7b3fa0, 0xcc79a7},
	{"pink", 0xcc79a7, 0xcc79a7},
	{"cyan", 0x2a9db5, 0x56b4e9},
	{"brown", 0x8a5a2b, 0x8a5a2b},
	{"black", 0x202020, 0x505050},
	{"grey", 0x707070, 0x505050},
	{"gray", 0x707070, 0x505050},
};

/* Okabe and Ito, "Color Universal Design" (2008); its yellow, too faint for a line on white, is a brown here. */
static const uint32_t cycle[] = {
	0x0072b2, 0xe69f00, 0x009e73, 0xd55e00, 0xcc79a7, 0x56b4e9, 0x8a5a2b, 0x505050};

void plot_colors(const char *const *names, size_t count, uint32_t *ret_colors)
{
	bool taken[ARRAY_SIZE(cycle)] = {false};
	size_t free_count = ARRAY_SIZE(cycle);

	for (size_t i = 0; i < count; i++) {
		ret_colors[i] = UINT32_MAX;
		for (size_t n = 0; n < ARRAY_SIZE(named); n++) {
			if (strcmp(names[i], named[n].name) != 0)
				continue;
			ret_colors[i] = named[n].color;
			for (size_t c = 0; c < ARRAY_SIZE(cycle); c++) {
				if (cycle[c] != named[n].like || taken[c])
					continue;
				taken[c] = true;
				free_count--;
			}
		}
	}
	size_t next = 0;
	for (size_t i = 0; i < count; i++) {
		if (ret_colors[i] != UINT32_MAX)
			continue;
		while (free_count > 0 && taken[next % ARRAY_SIZE(cycle)])
			next++;
		ret_colors[i] = cycle[next++ % ARRAY_SIZE(cycle)];
	}
}

uint32_t plot_mix(uint32_t color, uint32_t other, double part)
{
	uint32_t mixed = 0;
	for (unsigned shift = 0; shift <= 16; shift += 8) {
		double a = color >> shift & 0xff, b = other >> shift & 0xff;
		mixed |= (uint32_t)(a + (b - a) * part + 0.5) << shift;
	}
	return mixed;
}
