with profiles as (

    select
        city_profiles.*,
        count(*) over (partition by city_profiles.edition, city_profiles.city_code) as dimension_count
    from {{ ref('city_profiles') }} as city_profiles

),

cities as (

    select
        edition,
        city_code,
        city_zh,
        city_en,
        total_rank,
        avg(score) as mean_score,
        stddev_pop(score) as standard_deviation,
        round(stddev_pop(score), 9) as unevenness,
        -round(stddev_pop(score), 9) as evenness,
        cast(count(case when rank < 11 then 1 end) as integer) as dimensions_in_top_10,
        max(case when strength_order = 1 then dimension_code end) as best_dimension_code,
        max(case when strength_order = dimension_count then dimension_code end) as worst_dimension_code
    from profiles
    group by edition, city_code, city_zh, city_en, total_rank

)

select
    edition,
    city_code,
    city_zh,
    city_en,
    total_rank,
    mean_score,
    standard_deviation,
    cast({{ competition_rank('evenness', 'edition') }} as integer) as evenness_rank,
    cast({{ competition_rank('unevenness', 'edition') }} as integer) as unevenness_rank,
    dimensions_in_top_10,
    best_dimension_code,
    worst_dimension_code
from cities
