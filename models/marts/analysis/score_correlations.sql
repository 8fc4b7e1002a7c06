with pairs as (

    select
        a.edition,
        a.level || '_with_' || b.level as pair,
        a.code as code_a,
        a.label_zh as label_a_zh,
        a.label_en as label_a_en,
        b.code as code_b,
        b.label_zh as label_b_zh,
        b.label_en as label_b_en,
        a.level <> b.level as is_part_of_whole,
        a.score as score_a,
        b.score as score_b,
        b.score - a.score as score_rest,
        a.place as place_a,
        b.place as place_b
    from {{ ref('int_level_scores') }} as a
    inner join {{ ref('int_level_scores') }} as b
        on
            a.edition = b.edition
            and a.city_code = b.city_code
            and (
                (a.level = b.level and a.code < b.code)
                or (a.level = 'variable' and b.level = 'dimension' and a.whole_code = b.code)
                or (a.level <> 'total' and b.level = 'total')
            )

),

-- a constant side has no correlation, and two cities have none worth telling
correlations as (

    select
        edition,
        pair,
        code_a,
        label_a_zh,
        label_a_en,
        code_b,
        label_b_zh,
        label_b_en,
        is_part_of_whole,
        case
            when count(*) >= 3 and min(score_a) < max(score_a) and min(score_b) < max(score_b)
                then corr(score_a, score_b)
        end as pearson,
        case
            when count(*) >= 3 and min(place_a) < max(place_a) and min(place_b) < max(place_b)
                then corr(place_a, place_b)
        end as spearman,
        case
            when
                is_part_of_whole and count(*) >= 3
                and min(score_a) < max(score_a) and min(score_rest) < max(score_rest)
                then corr(score_a, score_rest)
        end as pearson_rest
    from pairs
    group by
        edition, pair, code_a, label_a_zh, label_a_en, code_b, label_b_zh, label_b_en, is_part_of_whole

),

rounded as (

    select
        correlations.*,
        round(correlations.pearson, 9) as rounded_pearson,
        round(
            case when correlations.is_part_of_whole then correlations.pearson_rest else correlations.pearson end, 9
        ) as rounded_without_part
    from correlations

)

select
    edition,
    pair,
    code_a,
    label_a_zh,
    label_a_en,
    code_b,
    label_b_zh,
    label_b_en,
    pearson,
    spearman,
    pearson_rest,
    abs(rounded_pearson) >= {{ var('redundant_correlation') }} as is_redundant,
    rounded_without_part < 0 as is_negative,
    cast({{ competition_rank('rounded_pearson', 'edition, pair') }} as integer) as correlation_rank
from rounded
