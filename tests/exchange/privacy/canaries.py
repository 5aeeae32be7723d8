"""One made-up value of each of the 18 kinds of 45 CFR 164.514(b)(2)(i), in the words in which they are looked for."""

CANARIES = {
    "name": "Zebulon Quillfeather",
    "street": "17 Marmalade Crescent",
    "city": "Xanthippe Falls",
    "zip": "02139-4307",
    "day": "1987-06-23",
    "day_in_words": "June 23rd",
    "telephone": "617-555-0142",
    "fax": "617-555-0199",
    "email": "zeb.quill@canary.example",
    "social_security": "078-05-1120",
    "record": "MRN-88172364",
    "plan": "HPB-55519238",
    "account": "ACC-7731902",
    "licence": "S99912345",
    "vehicle": "1M8GDM9AXKP042788",
    "device": "UDI-01-00844588003288",
    "url": "https://canary.example/patients/zeb",
    "ip": "203.0.113.77",
    "biometric": "fingerprint:7f3a9c",
    "photo": "iVBORw0KGgoCANARYPHOTO",
    "code": "d41d8cd98f00b204e9800998ecf8427e",
}
PIECES = (  # that may not appear either; none is so short that a random id has it by chance
    "zebulon", "quillfeather", "marmalade", "xanthippe", "02139-", "555-0142", "6175550142", "078051120", "88172364",
    "55519238", "99912345", "canary", "203.0.113", "d41d8cd98f",
)  # fmt: skip


def found_in(text: str) -> list[str]:
    """The canaries and pieces that a text holds."""
    lower = text.lower()
    return [one for one in (*CANARIES.values(), *PIECES) if one.lower() in lower]
