-- 积分卡是宽表，怎样变成长表？以深圳为例。
-- Scorecards are wide: how do I make a long table of them, for Shenzhen?
--
-- Learn: unpivot makes a row of each column; `* exclude` names all columns but some.
-- Read: the same numbers stand in fct_dimension_scores, which is long already. Unpivot what has no long twin,
-- a spreadsheet of your own for example.

with asked as (
    select '深圳' as city_zh
),

card as (
    select * exclude (edition, city_code, city_en, total_score, total_rank)
    from marts.city_scorecards
    where edition = '2025' and city_zh = (select asked.city_zh from asked)
),

long as (
    unpivot card
    on columns(* exclude (city_zh))
    into name dimension_code value score
)

select
    city_zh,
    dimension_code,
    score
from long
order by score desc, dimension_code
