with spreads as (

    select
        edition,
        level,
        code,
        label_zh,
        label_en,
        cast(count(*) as integer) as city_count,
        avg(score) as mean,
        stddev_pop(score) as standard_deviation,
        min(score) as lowest,
        percentile_cont(0.25) within group (order by score) as quartile_1,
        percentile_cont(0.5) within group (order by score) as median,
        percentile_cont(0.75) within group (order by score) as quartile_3,
        max(score) as highest,
        max(score) - min(score) as score_range,
        round(stddev_pop(score), 9) as rounded_deviation
    from {{ ref('int_level_scores') }}
    group by edition, level, code, label_zh, label_en

)

select
    edition,
    level,
    code,
    label_zh,
    label_en,
    city_count,
    mean,
    standard_deviation,
    lowest,
    quartile_1,
    median,
    quartile_3,
    highest,
    score_range,
    cast({{ competition_rank('rounded_deviation', 'edition, level') }} as integer) as spread_rank
from spreads
