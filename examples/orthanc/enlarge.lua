-- Has keras-srgan enlarge every image that Orthanc stores. Orthanc runs this after each instance.
-- "keras-srgan" is the modality of that name in orthanc.json; the result comes back by itself, as a new series.

function OnStoredInstance(instanceId, tags, metadata, origin)
   -- What comes back is stored here too, and must not go round again.
   local made = string.find(tags['DerivationDescription'] or '', 'by keras-srgan', 1, true)
   if made == nil and tags['Rows'] ~= nil then
      SendToModality(instanceId, 'keras-srgan')
   end
end
