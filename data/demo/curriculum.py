"""What is taught: subjects with their 課程代碼 parts, the plan of each department, grade and term, and the electives."""

from __future__ import annotations

from dataclasses import dataclass

from data.demo.people import Department

SCHOOL_CODE = "999302"  # no school has it


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject: the family of teachers who teach it, its parts of 課程代碼, and how much it invites uploads."""

    name: str
    family: str
    category: str  # 課程類別: 1 部定必修, 2 校訂必修, 3 選修-加深加廣, 5 選修-多元
    attribute: str  # 科目屬性: 1 一般, 2 專業, 3 實習
    domain: str  # 領域名稱
    serial: str  # 科目名稱代碼
    weight: float


def _general(name: str, family: str, domain: str, serial: str, weight: float, category: str = "1") -> Subject:
    return Subject(name, family, category, "1", domain, serial, weight)


GENERAL = {
    subject.name: subject
    for subject in (
        _general("國語文", "國文", "01", "01", 1.2),
        _general("英語文", "英文", "01", "02", 0.9),
        _general("數學", "數學", "02", "01", 0.6),
        _general("物理", "物理", "04", "01", 0.9),
        _general("化學", "化學", "04", "02", 0.9),
        _general("生物", "生物", "04", "03", 1.1),
        _general("地球科學", "生物", "04", "04", 0.9),
        _general("歷史", "歷史", "03", "01", 1.1),
        _general("地理", "地理", "03", "02", 1.1),
        _general("公民與社會", "公民", "03", "03", 1.1),
        _general("音樂", "藝術", "05", "01", 0.7),
        _general("美術", "藝術", "05", "02", 1.0),
        _general("資訊科技", "科技", "07", "01", 1.3),
        _general("生活科技", "科技", "07", "02", 1.2),
        _general("體育", "體育", "08", "01", 0.3),
        _general("健康與護理", "體育", "08", "02", 0.5),
        _general("自然科學探究與實作", "化學", "04", "05", 2.2),
        _general("各類文學選讀", "國文", "01", "11", 1.1, "3"),
        _general("英文作文", "英文", "01", "12", 0.8, "3"),
        _general("數學甲", "數學", "02", "11", 0.6, "3"),
        _general("選修物理", "物理", "04", "11", 0.8, "3"),
        _general("選修化學", "化學", "04", "12", 0.8, "3"),
        _general("現代社會與經濟", "公民", "03", "11", 1.0, "3"),
        _general("空間資訊科技", "地理", "03", "12", 1.4, "3"),
        _general("科技應用專題", "科技", "07", "11", 1.8, "3"),
    )
}
ELECTIVES = tuple(
    Subject(name, family, "5", "1", domain, f"{number:02d}", 1.6)
    for number, (name, family, domain) in enumerate(
        (
            ("程式設計與應用", "科技", "07"), ("影像創作與剪輯", "藝術", "05"), ("日語初階", "英文", "01"), ("創意寫作", "國文", "01"),
            ("生活中的統計", "數學", "02"), ("地方學探究", "歷史", "03"), ("生物技術實驗", "生物", "04"), ("運動科學入門", "體育", "08"),
            ("模擬聯合國", "公民", "03"), ("科學魔法車", "物理", "04"),
        ),
        start=51,
    )
)  # fmt: skip

_HIGH_SCHOOL = {
    (1, 1): "國語文 英語文 數學 物理 生物 歷史 資訊科技 音樂 體育",
    (1, 2): "國語文 英語文 數學 化學 地球科學 地理 生活科技 美術 體育",
    (2, 1): "國語文 英語文 數學 物理 自然科學探究與實作 公民與社會 歷史 美術 體育",
    (2, 2): "國語文 英語文 數學 化學 自然科學探究與實作 地理 生活科技 體育",
    (3, 1): "國語文 英語文 數學甲 各類文學選讀 選修物理 現代社會與經濟 體育",
    (3, 2): "國語文 英語文 英文作文 選修化學 空間資訊科技 科技應用專題 健康與護理",
}
_VOCATIONAL_GENERAL = {
    (1, 1): "國語文 英語文 數學 歷史 物理 體育",
    (1, 2): "國語文 英語文 數學 地理 化學 體育",
    (2, 1): "國語文 英語文 數學 公民與社會 體育",
    (2, 2): "國語文 英語文 數學 美術 體育",
    (3, 1): "國語文 英語文 數學 體育",
    (3, 2): "國語文 英語文 健康與護理",
}
# Of each department, the subjects of grade 1, 2 and 3; those of one term and the other are parted by a stroke.
_VOCATIONAL = {
    "資訊科": ("基本電學 程式設計實習|基本電學 基本電學實習 程式設計實習", "電子學 數位邏輯設計 電子學實習|電子學 微處理機 單晶片微處理機實習",
            "專題實作 電腦網路實習 行動裝置應用實習|專題實作 介面電路控制實習 人工智慧應用實習"),
    "電機科": ("基本電學 基本電學實習|基本電學 基本電學實習 電工安全實習", "電工機械 電子學 工業配線實習|電工機械 電子學實習 電工機械實習",
            "專題實作 可程式控制實習 電力電子應用實習|專題實作 機電整合實習 智慧居家監控實習"),
    "商業經營科": ("商業概論 會計學 數位科技概論|商業概論 會計學 數位科技應用", "會計學 經濟學 多媒體製作與應用|經濟學 會計軟體應用 門市服務實務",
              "專題實作 行銷實務 商業溝通|專題實作 電子商務實務 創業實務"),
    "觀光事業科": ("觀光餐旅業導論 餐飲服務技術|觀光餐旅業導論 餐飲服務技術 飲料實務", "觀光餐旅英語會話 旅館客務實務 導覽解說實務|觀光餐旅英語會話 旅館房務實務 遊程規劃",
              "專題實作 旅行業務實務 休閒遊憩|專題實作 會議展覽實務 國際禮儀"),
    "機械科": ("機械製造 機械基礎實習|機械製造 機械製圖實習 基礎電學實習", "機件原理 機械加工實習 電腦輔助製圖實習|機械力學 機械加工實習 電腦輔助設計實習",
            "專題實作 數值控制機械實習 機械材料|專題實作 電腦輔助製造實習 氣油壓控制實習"),
    "資料處理科": ("商業概論 數位科技概論 會計學|商業概論 數位科技應用 會計學", "程式語言與設計 多媒體製作與應用 經濟學|程式語言與設計 資料庫應用 網頁設計實務",
              "專題實作 行動程式設計實務 電子商務實務|專題實作 影音剪輯實務 物聯網應用實務"),
    "餐飲管理科": ("觀光餐旅業導論 中餐烹調實習|觀光餐旅業導論 中餐烹調實習 餐飲安全與衛生", "西餐烹調實習 烘焙實務 觀光餐旅英語會話|西餐烹調實習 烘焙實務 飲料實務",
              "專題實作 蔬果切雕實務 餐旅行銷|專題實作 異國料理實習 宴會管理實務"),
    "廣告設計科": ("設計概論 基礎圖學實習 繪畫基礎實習|色彩原理 基礎圖學實習 繪畫基礎實習", "造形原理 數位攝影實習 電腦向量繪圖實習|設計與生活美學 電腦影像處理實習 表現技法實習",
              "專題實作 包裝設計實習 網頁設計實習|專題實作 品牌設計實習 動畫製作實習"),
}  # fmt: skip
_PRACTICAL = ("實習", "實務", "應用", "技術", "實作")


def list_subjects(department: Department, *, grade: int, semester: int) -> list[Subject]:
    """List what a class of the department has in a grade and term, 7 to 9 subjects."""
    if not department.initial:
        return [GENERAL[name] for name in _HIGH_SCHOOL[grade, semester].split()]
    own = [part.split() for year in _VOCATIONAL[department.name] for part in year.split("|")]
    serials = {
        name: f"{number:02d}"
        for number, name in enumerate(dict.fromkeys(name for part in own for name in part), start=1)
    }
    general = [GENERAL[name] for name in _VOCATIONAL_GENERAL[grade, semester].split()]
    return general + [_make_vocational(name, department, serials[name]) for name in own[2 * grade + semester - 3]]


def _make_vocational(name: str, department: Department, serial: str) -> Subject:
    if name == "專題實作":
        return Subject(name, department.name, "2", "3", department.group, serial, 2.6)
    practical = name.endswith(_PRACTICAL)
    return Subject(
        name, department.name, "1", "3" if practical else "2", department.group, serial, 1.7 if practical else 0.9
    )


def code_course(subject: Subject, department: Department, *, entry_year: int, across_classes: bool = False) -> str:
    """Write 課程代碼, 23 characters: the plan of an entry year and department (16), then the course (7)."""
    plan = f"{entry_year}{SCHOOL_CODE}{department.kind}{department.group}{department.code}0"
    return f"{plan}{subject.category}{int(across_classes)}{subject.attribute}{subject.domain}{subject.serial}"
