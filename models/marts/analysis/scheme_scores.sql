with weights as (

    -- a scheme that weighs nothing has no scores; its suite stops it
    select
        *,
        sum(weight) over (partition by scheme) as sum_of_weights
    from {{ ref('dim_scheme_weights') }}

),

scores as (

    select
        variable_scores.edition,
        weights.scheme,
        weights.scheme_zh,
        weights.scheme_en,
        weights.is_example,
        variable_scores.city_code,
        {{ weighted_score('variable_scores.score', 'weights.weight') }} as score
    from {{ ref('fct_variable_scores') }} as variable_scores
    inner join {{ ref('dim_variables') }} as variables
        on variable_scores.variable_code = variables.variable_code
    inner join weights
        on variables.dimension_code = weights.dimension_code
    where weights.sum_of_weights > 0
    group by
        variable_scores.edition, weights.scheme, weights.scheme_zh, weights.scheme_en,
        weights.is_example, variable_scores.city_code

),

ranks as (

    select
        *,
        cast({{ competition_rank('score', 'edition, scheme') }} as integer) as rank
    from scores

)

select
    ranks.edition,
    ranks.scheme,
    ranks.scheme_zh,
    ranks.scheme_en,
    ranks.is_example,
    ranks.city_code,
    ranks.score,
    ranks.rank,
    total_scores.score as official_score,
    total_scores.rank as official_rank,
    total_scores.rank - ranks.rank as rank_change
from ranks
inner join {{ ref('fct_total_scores') }} as total_scores
    on
        ranks.edition = total_scores.edition
        and ranks.city_code = total_scores.city_code
