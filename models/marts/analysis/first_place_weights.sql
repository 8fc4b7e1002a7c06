-- The verdict is this query's own, in integers: under the weights found the city must be first, or the mixture found
-- must be better in every dimension.
with parts as (

    select
        *,
        sum(parts) over (partition by edition, city_code) as whole,
        min(parts) over (partition by edition, city_code) as least_part
    from {{ ref('int_first_place_programs') }}

),

scores as (

    select
        edition,
        city_code,
        dimension_code,
        score,
        count(*) over (partition by edition, city_code) as dimension_count
    from {{ ref('fct_dimension_scores') }}

),

weighted as (

    select
        scores.edition,
        scores.city_code,
        parts.city_code as first_city_code,
        parts.whole,
        scores.dimension_count,
        cast(sum(parts.parts * scores.score) as bigint) as points
    from parts
    inner join scores
        on
            parts.edition = scores.edition
            and parts.code = scores.dimension_code
    where parts.certificate = 'weight' and parts.least_part >= 0
    group by scores.edition, scores.city_code, parts.city_code, parts.whole, scores.dimension_count

),

leads as (

    select
        leader.edition,
        leader.city_code,
        min(leader.points - coalesce(others.points, 0)) as lead_parts,
        cast(min(leader.points - coalesce(others.points, 0)) as double)
        * leader.dimension_count / leader.whole as lead
    from weighted as leader
    left join weighted as others
        on
            leader.edition = others.edition
            and leader.first_city_code = others.first_city_code
            and leader.city_code <> others.city_code
    where leader.city_code = leader.first_city_code and leader.whole > 0
    group by leader.edition, leader.city_code, leader.dimension_count, leader.whole

),

mixtures as (

    select
        parts.edition,
        parts.city_code,
        own.dimension_code,
        cast(sum(parts.parts * (scores.score - own.score)) as double) / parts.whole as mixture_lead,
        min(sum(parts.parts * (scores.score - own.score))) over (partition by parts.edition, parts.city_code)
            as least_lead_parts
    from parts
    inner join scores
        on
            parts.edition = scores.edition
            and parts.code = scores.city_code
    inner join scores as own
        on
            parts.edition = own.edition
            and parts.city_code = own.city_code
            and scores.dimension_code = own.dimension_code
    where parts.certificate = 'share' and parts.least_part >= 0
    group by parts.edition, parts.city_code, own.dimension_code, parts.whole

)

select
    scores.edition,
    scores.city_code,
    scores.dimension_code,
    case
        when leads.lead_parts >= 0 then 'possible'
        when mixtures.least_lead_parts > 0 then 'impossible'
        else 'undecided'
    end as first_place,
    round(cast(weights.parts as double) / weights.whole, 9) as weight_needed,
    round(leads.lead, 6) as lead,
    round(mixtures.mixture_lead, 6) as mixture_lead
from scores
left join leads
    on
        scores.edition = leads.edition
        and scores.city_code = leads.city_code
left join parts as weights
    on
        scores.edition = weights.edition
        and scores.city_code = weights.city_code
        and scores.dimension_code = weights.code
        and weights.certificate = 'weight'
left join mixtures
    on
        scores.edition = mixtures.edition
        and scores.city_code = mixtures.city_code
        and scores.dimension_code = mixtures.dimension_code
