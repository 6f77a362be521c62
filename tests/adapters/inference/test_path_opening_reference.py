"""The path openings on a real inspection image of a redistribution layer, where it is at hand."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aoi.adapters.inference.path_opening import Sensitivity, find_anomalies, thresholds_for

REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "input.jpeg"


def points(table: str) -> tuple[tuple[int, int], ...]:
    """Where things are on the image, labelled by eye: x,y in pixels."""
    return tuple((int(x), int(y)) for x, y in (pair.split(",") for pair in table.split()))


PARTICLES = points("""
813,4 636,236 630,242 622,275 1044,14 1041,33 1061,43 1209,93 1199,110 1214,118 1200,131 1209,135 1198,145
1205,143 1214,144 1215,152 1277,215 1301,217 997,317 1275,367 1288,369 1293,372 1295,379 1294,383 1425,416
1402,421 1478,420 1485,430 1434,447 437,690 477,742 463,753 481,754 486,771 471,773 477,772 457,774 760,843
777,797 812,827 812,869 1304,467 1287,480 1306,498 1305,490 1314,503 1317,499 1288,526 1260,536 1324,538
1324,548 1328,559 1316,560 1335,568 1342,548 964,740 958,763 955,770 962,775 955,795 964,794 1190,785 1252,802
1352,492 1346,522 1372,485 1386,486 1397,490 1384,506 1373,498 1391,503 1351,471 1405,457 1409,464 1412,475
1424,457 1423,467 1436,464 1452,472 1463,472 1445,485 1444,503 1444,516 1447,531 1424,529 1420,535 1425,564
1483,627 1563,623 1469,684 1366,693 1349,709 1768,703 1777,817 1782,849 856,948 1006,1001 993,1038
991,1045 985,1068 1062,1221 333,1691 1152,1571 1247,1693 1234,1710 1250,1716 1264,1759 1709,1506 1372,1758
1346,462 1353,454
""")
"""Seen without doubt."""

FAINT = points("""
1057,27 1030,23 1038,20 1199,101 1209,111 1192,126 381,726 758,850 895,853 1324,521 996,743 941,769 1436,473
1437,535 1359,687 1789,829 883,988 889,993 1006,1011 990,1052 1011,1123 1009,1147 1061,1281 141,1460 1257,1670
1170,1603 1341,501 1392,513 1405,477 1399,478 1444,469 1333,533 1430,556 1397,505 1416,536 1388,492
""")
"""So faint that neither a mark nor its absence is wrong."""

PATTERN = points("""
208,438 165,480 104,480 62,437 62,376 105,334 166,334 208,377 592,437 549,479 488,479 446,436 446,375 489,333
550,333 592,376 977,437 934,479 873,479 831,436 831,375 874,333 935,333 977,376 1362,436 1319,478 1258,478
1216,435 1216,374 1259,332 1320,332 1362,375 1746,435 1703,477 1642,477 1600,434 1600,373 1643,331 1704,331
1746,374 208,822 165,864 104,864 62,821 62,760 105,718 166,718 208,761 592,822 549,864 488,864 446,821 446,760
489,718 550,718 592,761 977,821 934,863 873,863 831,820 831,759 874,717 935,717 977,760 1362,821 1319,863
1258,863 1216,820 1216,759 1259,717 1320,717 1362,760 1746,819 1703,861 1642,861 1600,818 1600,757 1643,715
1704,715 1746,758 208,1208 165,1250 104,1250 62,1207 62,1146 105,1104 166,1104 208,1147 592,1207 549,1249
488,1249 446,1206 446,1145 489,1103 550,1103 592,1146 977,1206 934,1248 873,1248 831,1205 831,1144 874,1102
935,1102 977,1145 1362,1206 1319,1248 1258,1248 1216,1205 1216,1144 1259,1102 1320,1102 1362,1145 1746,1205
1703,1247 1642,1247 1600,1204 1600,1143 1643,1101 1704,1101 1746,1144 209,1592 166,1634 105,1634 63,1591
63,1530 106,1488 167,1488 209,1531 593,1591 550,1633 489,1633 447,1590 447,1529 490,1487 551,1487 593,1530
978,1591 935,1633 874,1633 832,1590 832,1529 875,1487 936,1487 978,1530 1363,1590 1320,1632 1259,1632
1217,1589 1217,1528 1260,1486 1321,1486 1363,1529 1746,1589 1703,1631 1642,1631 1600,1588 1600,1527 1643,1485
1704,1485 1746,1528 14,316 73,316 132,316 191,316 783,313 843,313 901,313 960,313 1198,311 1257,311 1316,311
1375,311 1391,313 1391,372 1391,431 488,696 547,696 606,696 1554,691 1613,691 1672,691 1731,691 1493,784
345,788 395,846 369,765 724,400 724,411 1138,379 1138,431 371,1585 13,1500 13,1557 13,1616 13,1675 745,406
1129,406 1518,403 362,790 1514,790 361,1175 1515,1175 362,1560 1516,1560 389,405 771,404 1155,404 388,789
1541,789 388,1175 1541,1175 388,1560 1540,1560 15,325 218,325 15,503 218,503 783,322 983,322 1181,319 1381,319
783,705 985,703 1183,701 1384,701 1560,700 1563,1083 1764,1083 1563,1265 1764,1265 1566,1464 1766,1464
1566,1661 1766,1661 1185,1086 1387,1086 1185,1268 1387,1268 22,26 22,129 22,204 65,70 65,144 65,247 81,85
81,188 124,26 124,129 124,204 140,70 140,144 140,247 184,85 184,188 199,26 199,129 199,204 243,70 243,144
243,247 259,85 259,188 302,26 302,129 302,204 318,70 318,144 318,247 362,85 362,188 377,26 377,129 377,204
421,70 421,144 421,247
""")
"""On rings, ends of slots, tips and waists of keyholes, corners of pads and of the grid."""


@pytest.fixture(scope="module")
def grey() -> NDArray[np.uint8]:
    if not REFERENCE.exists():
        pytest.skip(f"the reference image is not at hand ({REFERENCE.name})")
    image = cv2.imread(str(REFERENCE), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return np.asarray(image, np.uint8)


@pytest.fixture(scope="module")
def mask(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return find_anomalies(grey, thresholds_for(Sensitivity.NORMAL))


def marked(mask: NDArray[np.uint8], places: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """Those places with a mark within four pixels."""
    near = cv2.dilate(mask, np.ones((9, 9), np.uint8))
    return [(x, y) for x, y in places if near[y, x]]


def regions_without(mask: NDArray[np.uint8], places: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    """Centres of the regions that are near none of the places."""
    known = np.zeros_like(mask)
    for place in places:
        cv2.circle(known, place, 8, 1, -1)
    count, labels, _, centres = cv2.connectedComponentsWithStats(mask, connectivity=8)
    near = set(labels[known > 0].tolist())
    return [(int(centres[label][0]), int(centres[label][1])) for label in range(1, count) if label not in near]


def test_nearly_every_particle_is_found(mask: NDArray[np.uint8]) -> None:
    missed = set(PARTICLES) - set(marked(mask, PARTICLES))

    assert len(missed) <= 0.05 * len(PARTICLES), missed


def test_the_pattern_is_hardly_marked(mask: NDArray[np.uint8]) -> None:
    assert len(marked(mask, PATTERN)) <= 1, marked(mask, PATTERN)


def test_little_else_is_marked(mask: NDArray[np.uint8]) -> None:
    others = regions_without(mask, PARTICLES + FAINT)

    assert len(others) <= 8, others


def test_the_large_particles_are_each_one_solid_region(mask: NDArray[np.uint8]) -> None:
    _, labels = cv2.connectedComponents(mask, connectivity=8)

    for x, y, radius in ((437, 690, 12), (1352, 494, 6), (1425, 416, 5)):
        disc = np.zeros_like(mask)
        cv2.circle(disc, (x, y), radius, 1, -1)
        assert set(labels[disc > 0].tolist()) == {labels[y, x]} != {0}
