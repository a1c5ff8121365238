"""Personal data is found by its pattern and checked by its digits; what only looks like it stays."""

from __future__ import annotations

import pytest

from training.cleaning import personal


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("write to ana.perez+web@correo.example.es.", "write to <EMAIL>."),
        ("tel. +34 912 345 678, móvil 612345678", "tel. <PHONE>, móvil <PHONE>"),
        ("(415) 555-2671 or 415-555-2671", "<PHONE> or <PHONE>"),
        ("0034 612 345 678", "<PHONE>"),
        ("IBAN ES91 2100 0418 4502 0005 1332 OR DE89370400440532013000.", "IBAN <IBAN> OR <IBAN>."),
        ("card 4111 1111 1111 1111, amex 378282246310005", "card <CARD>, amex <CARD>"),
        ("DNI 12345678Z, 12.345.678-Z; NIE X1234567L", "DNI <DNI>, <DNI>; NIE <NIE>"),
        ("from 8.8.8.8 and 2001:4860:4860::8888", "from <IP> and <IP>"),
    ],
)
def test_it_is_replaced_by_its_type(text, redacted):
    assert personal.redact(text, personal.find(text)) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "ES91 2100 0418 4502 0005 1333",
        "DNI 12345678A, NIE X1234567M",
        "192.168.0.1, 10.0.0.7, version 1.2.3, 999.1.1.1",
        "at 12:30:45 on 2026-11-30, from 1939 to 1945",
        "ISBN 978-3-16-148410-0, pp. 612-645",
        "3.141592653589793, 1.234.567 reales, 15,000,000 people",
        "@cervantes, user@localhost",
    ],
)
def test_what_only_looks_like_it_stays(text):
    assert personal.find(text) == []


@pytest.mark.parametrize("text", ["a" * 100_000 + "@", "1 " * 50_000, "a.b" * 30_000 + "@c", "1:" * 50_000, "1.1" * 30_000])
def test_a_hostile_text_is_read_to_its_end(text):
    assert personal.find(text) == []
