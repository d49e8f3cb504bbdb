"""Names as they are heard in Taiwan, of two generations."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.demo.chance import Array, draw_weighted

# Shares in per mille, after the Ministry of the Interior's counts of surnames, rounded.
_SURNAMES = {
    111: "陳", 83: "林", 61: "黃", 53: "張", 51: "李", 41: "王", 40: "吳", 32: "劉", 29: "蔡", 27: "楊",
    23: "許", 19: "鄭", 18: "謝", 15: "洪郭邱", 14: "曾廖", 13: "賴", 12: "徐周", 11: "葉蘇", 9: "莊呂江",
    8: "何蕭羅高", 7: "潘簡朱鍾", 6: "游彭詹胡", 5: "施沈余趙盧梁", 4: "顏柯翁魏孫戴范方宋", 3: "鄧杜傅侯曹薛丁卓馬阮董溫唐藍",
    2: "石蔣古紀姚連馮歐程湯黎田康姜汪白鄒尤巫涂龔嚴韓袁", 1: "金童陸夏柳邵錢伍倪于譚駱熊任甘秦顧毛章史官萬俞粘",
}  # fmt: skip
_COMPOUND = ("歐陽", "范姜", "張簡", "張廖", "司徒")
_RARE = "堃喆煊珉"  # in big5-hkscs but not in cp950: lists with students' names need UTF-8

_YOUNG_BOYS = ("冠承宇柏品彥宥俊家子昱育嘉佳哲睿皓恩廷翊奕威政泓紹元博丞尚士秉聖崇仁宗鈞晉祐凱",
               "宇翰廷恩睿宏霖瑋倫豪傑勳辰佑軒諺緯毅儒安丞凱文賢均澤祐齊樺維哲鈞叡騰銘瀚碩暘修鴻")  # fmt: skip
_YOUNG_GIRLS = ("怡雅佳宜欣思詩筱郁品子芷宥庭詠靖婕語采羽映沛芸若心晴彥昕亭羿孟亮瑀沁婉于立",
                "婷妤萱涵君瑄雯芸庭甄蓁安晴潔穎昀慧玲琪蓉珊恩彤瑜瑩璇臻真柔儒嫻寧茵薇倩筠如融慈")  # fmt: skip
_OLDER_MEN = (
    "志俊建文明國信家宗永正世振耀英智政彥柏冠士啟清嘉育榮宏",
    "宏明傑銘雄偉賢良成仁豪輝峰龍源昌德翰霖文誠欽彬祥斌全毅益",
)
_OLDER_WOMEN = (
    "淑美秀麗雅惠玉慧婉佩靜怡素月瓊雪明佳宜曉欣鈺思孟瑞",
    "芬玲娟惠珍華敏君芳貞萍雯慧婷茹如卿琴儀蓉燕娥真吟瑜穎文",
)


def draw_student_names(rng: np.random.Generator, girls: Array) -> Array:
    """Draw a name for each student; about one in 250 has a character that older encodings lack."""
    names = _draw_names(rng, girls, _YOUNG_BOYS, _YOUNG_GIRLS)
    rare = rng.random(len(girls)) < 0.004
    tails = np.array(list(_RARE), dtype=object)[rng.integers(0, len(_RARE), len(girls))]
    return np.array(
        [name[:-1] + tail if use else name for name, tail, use in zip(names, tails, rare, strict=True)], dtype=object
    )


def draw_staff_names(rng: np.random.Generator, women: Array) -> Array:
    """Draw a name for each member of staff, all different; every character is in cp950, as 授課名冊 needs."""
    names = _draw_names(rng, women, _OLDER_MEN, _OLDER_WOMEN)
    while (repeated := np.asarray(pd.Series(names).duplicated())).any():
        names[repeated] = _draw_names(rng, women[repeated], _OLDER_MEN, _OLDER_WOMEN)
    return names


def _draw_names(rng: np.random.Generator, women: Array, of_men: tuple[str, str], of_women: tuple[str, str]) -> Array:
    count = len(women)
    pairs: list[tuple[str, float]] = [(character, weight) for weight, group in _SURNAMES.items() for character in group]
    pairs += [(surname, 0.6) for surname in _COMPOUND]
    surnames = np.array([surname for surname, _ in pairs], dtype=object)[
        draw_weighted(rng, [w for _, w in pairs], count)
    ]
    draws = rng.random((2, count))
    single = rng.random(count) < 0.025
    given = np.empty(count, dtype=object)
    for is_women, pools in ((True, of_women), (False, of_men)):
        chosen = women == is_women
        first, second = (_pick(pool, draws[i, chosen]) for i, pool in enumerate(pools))
        following = _pick(pools[1], (draws[1, chosen] + 0.37) % 1)
        second = np.where(first == second, np.where(following == first, "安", following), second)
        given[chosen] = np.where(single[chosen], second, first + second)
    return np.asarray(surnames + given, dtype=object)


def _pick(pool: str, draws: Array) -> Array:
    return np.asarray(np.array(list(pool), dtype=object)[(draws * len(pool)).astype(int)])
