select
    schemes.scheme,
    schemes.scheme_zh,
    schemes.scheme_en,
    schemes.description_zh as scheme_description_zh,
    schemes.description_en as scheme_description_en,
    schemes.is_example,
    weights.dimension_code,
    weights.weight
from {{ ref('weight_schemes') }} as schemes
inner join {{ ref('scheme_weights') }} as weights
    on schemes.scheme = weights.scheme
